"""Shapes as functions of time: how many users there should be, so many seconds after the start. Pure.

    constant    up to the users at the spawn rate, then as many
    ramp        evenly up, over the whole run time
    steps       step-users more each step-time, up to the users
    spike       the users; in the middle third of the run time the spike on top
    soak        up in the first tenth of the run time, down in the last, the users in between

The sixth, find-limit, depends on what is measured: `loadtest.search`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from loadtest.settings import Settings
from probe.model.errors import ConfigError

Wanted = tuple[int, float]
"""Users there should be, and how many a second may come or go."""

_NEED_RUN_TIME = ("ramp", "spike", "soak")
_EDGE = 0.1
"""The share of a soak's run time in which it rises, and in which it falls."""


@dataclass(frozen=True, slots=True)
class Load:
    """What was asked for. `rate`: users a second. `run_time` in seconds; None: until stopped."""

    users: int
    rate: float
    run_time: float | None = None


def wanted(settings: Settings, load: Load, seconds: float) -> Wanted | None:
    """What should be `seconds` after the start; None: it is over. Raises ConfigError where the shape needs a run time."""
    check_shape(settings, load)
    if seconds >= duration(settings, load):
        return None
    return users_at(settings, load, seconds), max(load.rate, _slope(settings, load))


def duration(settings: Settings, load: Load) -> float:
    """Seconds from the start to the end: the run time, and the longest that may be where none is given."""
    return settings.max_duration if load.run_time is None else load.run_time


def users_at(settings: Settings, load: Load, seconds: float) -> int:
    """Users `seconds` after the start, of any shape but find-limit, which begins with its first step."""
    time = load.run_time or 0.0
    if settings.shape == "ramp":
        return _part(load.users, seconds / time)
    if settings.shape in ("steps", "find-limit"):
        return min(load.users, settings.step_users * (1 + int(seconds // settings.step_time)))
    if settings.shape == "spike":
        return load.users + (_spike(settings, load) if time / 3 <= seconds < 2 * time / 3 else 0)
    if settings.shape == "soak":
        return _part(load.users, min(seconds, time - seconds) / (_EDGE * time))
    return load.users


def most_users(settings: Settings, load: Load) -> int:
    """The most users that there will ever be."""
    return load.users + (_spike(settings, load) if settings.shape == "spike" else 0)


def fastest(settings: Settings, load: Load) -> float:
    """The most users a second that will come or go."""
    return max(load.rate, _slope(settings, load))


def check_shape(settings: Settings, load: Load) -> None:
    """Raises ConfigError where the shape can't be followed with that load."""
    if settings.shape in _NEED_RUN_TIME and load.run_time is None:
        raise ConfigError(
            f"{settings.shape} spreads over the run time, and none is given",
            who="--shape",
            hint="add --run-time, like 10m",
        )
    if settings.shape == "find-limit" and settings.step_users / load.rate > settings.step_time / 2:
        raise ConfigError(
            f"{settings.step_users} users at {load.rate:g} a second take more than half of a step, and its second half is judged",
            who="--step-time",
            hint=f"at least {math.ceil(2 * settings.step_users / load.rate)}s, or a higher --spawn-rate",
        )


def _spike(settings: Settings, load: Load) -> int:
    return settings.spike_users or load.users


def _slope(settings: Settings, load: Load) -> float:
    """Users a second that the shape itself asks for."""
    edges = {"ramp": 1.0, "soak": _EDGE}
    if settings.shape not in edges or not load.run_time:
        return 0.0
    return load.users / (edges[settings.shape] * load.run_time)


def _part(users: int, share: float) -> int:
    """At least one: a campaign of nobody has not begun."""
    return max(1, min(users, math.ceil(users * share)))
