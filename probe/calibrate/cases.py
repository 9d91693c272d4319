"""The known impairments that real calls are led through."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from probe.model.errors import ConfigError
from probe.model.yaml_file import read_yaml
from sfu_shim.core.link.impairment import GilbertElliott, Impairment, Jitter, RandomLoss, Reorder
from sfu_shim.core.link.profiles import PERFECT, Network, parse_network
from sfu_shim.core.link.schedule import Schedule, Step

Way = Literal["p2p", "sfu", "migration"]
_OWN_SECONDS = 20.0
_AFTER_CHANGE = 5.0
_LONGEST = 300.0


@dataclass(frozen=True, slots=True)
class Case:
    """One call of `seconds` between A and B. What A sends passes A's `up`, what it gets its `down`. With way `sfu` B has the
    access `far` too; `migration`: a third one comes, and A's `up` is black for `blackout` seconds from the moment that the
    move begins. `seed` makes the links' dice fall the same each time."""

    name: str
    network: Network
    seconds: float
    way: Way = "p2p"
    far: Network | None = None
    blackout: float = 0.4
    seed: int = 1


def _network(up: Impairment | Schedule, down: Impairment | Schedule) -> Network:
    def schedule(way: Impairment | Schedule) -> Schedule:
        return way if isinstance(way, Schedule) else Schedule(way)

    return Network("calibration", schedule(up), schedule(down))


_ALL = Impairment(
    delay=0.04,
    jitter=Jitter("normal", 0.004, keep_order=False),
    loss=GilbertElliott(p=0.01, r=0.4),
    duplicate=0.01,
    reorder=Reorder(0.01, 0.03),
    rate_bps=6e6,
)
_CHANGING = Schedule(
    Impairment(delay=0.02),
    (
        Step(4.0, Impairment(delay=0.02, loss=RandomLoss(0.03))),
        Step(7.0, blackout=0.4),
        Step(10.0, Impairment(delay=0.08)),
    ),
)


def full(seconds: float = 15.0) -> tuple[Case, ...]:
    """Every impairment on its own, then all together, the SFU and a migration."""
    pairs: tuple[tuple[str, Impairment | Schedule, Impairment | Schedule], ...] = (
        ("perfect", Impairment(), Impairment()),
        ("delay", Impairment(delay=0.1), Impairment(delay=0.05)),
        (
            "jitter",
            Impairment(delay=0.03, jitter=Jitter("uniform", 0.02)),
            Impairment(delay=0.03, jitter=Jitter("normal", 0.008, keep_order=False)),
        ),
        (
            "pareto jitter",
            Impairment(delay=0.01, jitter=Jitter("pareto", 0.02)),
            Impairment(delay=0.01, jitter=Jitter("pareto", 0.006, keep_order=False)),
        ),
        ("random loss", Impairment(delay=0.03, loss=RandomLoss(0.05)), Impairment(loss=RandomLoss(0.02))),
        (
            "burst loss",
            Impairment(delay=0.02, loss=GilbertElliott(p=0.0132, r=0.25)),
            Impairment(delay=0.02, loss=GilbertElliott(p=0.02, r=0.5, loss_good=0.005, loss_bad=0.8)),
        ),
        ("duplicates", Impairment(delay=0.01, duplicate=0.03), Impairment(delay=0.01, duplicate=0.1)),
        (
            "reordering",
            Impairment(delay=0.01, reorder=Reorder(0.03, 0.03)),
            Impairment(delay=0.02, reorder=Reorder(0.01, 0.1)),
        ),
        ("rate limit", Impairment(rate_bps=1.3e6, queue_bytes=60_000), Impairment(rate_bps=3e6)),
        ("blackouts", Schedule(Impairment(delay=0.01), (Step(5.0, blackout=0.4), Step(9.0, blackout=1.2))), _CHANGING),
        ("satellite", Impairment(delay=0.3, loss=RandomLoss(0.01)), Impairment(delay=0.3)),
        ("all together", _ALL, _ALL),
    )
    calls = tuple(Case(name, _network(up, down), seconds, seed=n) for n, (name, up, down) in enumerate(pairs))
    return (*calls, _sfu(seconds), _migration())


def quick() -> tuple[Case, ...]:
    """A minute's selection."""
    return (
        Case("all together", _network(_ALL, _ALL), 10.0),
        Case("changing", _network(_CHANGING, Impairment(delay=0.05)), 10.0),
        _sfu(7.0),
        _migration(),
    )


def _sfu(seconds: float) -> Case:
    up = Impairment(delay=0.02, loss=RandomLoss(0.02))
    down = Impairment(delay=0.03, loss=RandomLoss(0.03), jitter=Jitter("uniform", 0.005))
    return Case("SFU", _network(up, Impairment(delay=0.01)), seconds, "sfu", _network(Impairment(), down))


def _migration() -> Case:
    return Case("migration", _network(Impairment(delay=0.02), Impairment(delay=0.02)), 3.0, "migration", PERFECT)


def from_file(path: Path) -> Case:
    """A network of the user's own: the file holds what stands under `network` in a scenario (docs/network.md), with or without
    that key. The call lasts until five seconds after the last change, at least 20 s. Raises ConfigError."""
    data = read_yaml(path)
    network = parse_network(data["network"] if set(data) == {"network"} else data, where=str(path))
    changes = [step.at + step.blackout for way in (network.up, network.down) for step in way.steps]
    seconds = max(_OWN_SECONDS, max(changes, default=0.0) + _AFTER_CHANGE)
    if seconds > _LONGEST:
        raise ConfigError(
            f"the last change comes after {seconds - _AFTER_CHANGE:g} s, too late for a calibration",
            who=str(path),
            hint=f"at most {_LONGEST - _AFTER_CHANGE:g} s",
        )
    return Case(path.stem, network, seconds)
