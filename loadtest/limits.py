"""Guard rails: what a campaign may do to a server before somebody has said that it may. Pure but for asking for addresses.

A campaign is real traffic. Against this machine it harms nobody else; against any other it takes more than a typing mistake.
"""

from __future__ import annotations

import ipaddress
import math
import socket
from collections.abc import Callable, Iterable
from urllib.parse import urlsplit

from loadtest.plans import Load, check_shape, duration, fastest, most_users
from loadtest.settings import Settings
from probe.model.errors import ConfigError

FREE_PARTICIPANTS = 10
"""As many may visit any server: a meeting or two, not a load."""

Resolve = Callable[[str], Iterable[str]]
"""The addresses of a host name. Raises OSError when it has none."""


def addresses_of(host: str) -> list[str]:
    """The system's answer, IPv4 and IPv6."""
    return [str(found[4][0]) for found in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)]


def participants_of(settings: Settings, users: int) -> int:
    """The most participants that so many users are: each a whole meeting with its visitors for meeting users, half of them for
    both kinds. No more than the meetings that may be held."""
    size = settings.scenario.participants + settings.scenario.visitors
    meetings = {"participant": 0, "meeting": users, "both": math.ceil(users / 2)}[settings.users_kind]
    asked = meetings * size + (users - meetings)
    room = settings.participants if settings.users_kind == "participant" else size
    return min(asked, settings.meetings * room) if settings.meetings else asked


def check(settings: Settings, load: Load, resolve: Resolve = addresses_of) -> None:
    """Raises ConfigError for a campaign that may not be, naming the option that would allow it."""
    if load.users < 1:
        raise ConfigError(f"{load.users} users are no load", who="--users", hint="allowed: 1 or more")
    if not 0 < load.rate < math.inf:
        raise ConfigError(f"{load.rate:g} users a second can't be", who="--spawn-rate", hint="allowed: above 0")
    check_shape(settings, load)
    participants = participants_of(settings, most_users(settings, load))
    _check_caps(settings, load, participants)
    check_target(settings, participants, resolve)


def _check_caps(settings: Settings, load: Load, participants: int) -> None:
    if participants > settings.max_participants:
        raise ConfigError(
            f"{participants} participants are more than the {settings.max_participants} that may be",
            who="--users",
            hint=f"if the server and this machine are to bear that: --max-participants {participants}",
        )
    rate = fastest(settings, load)
    if rate > settings.max_rate:
        raise ConfigError(
            f"{rate:g} users a second are more than the {settings.max_rate:g} that may be",
            who="--spawn-rate",
            hint=f"if the server is to bear that: --max-rate {math.ceil(rate)}",
        )
    if duration(settings, load) > settings.max_duration:
        raise ConfigError(
            f"{duration(settings, load):g} s are more than the {settings.max_duration:g} s that may be",
            who="--run-time",
            hint=f"if it is to run that long: --max-duration {math.ceil(duration(settings, load))}s",
        )


def check_target(settings: Settings, participants: int, resolve: Resolve = addresses_of) -> None:
    """Raises ConfigError for a crowd sent to another machine that nobody said may be loaded."""
    host = (urlsplit(settings.url).hostname or "").lower()
    allowed = {one.lower() for one in settings.allow_targets}
    if participants <= FREE_PARTICIPANTS or host in allowed or urlsplit(settings.url).netloc.lower() in allowed:
        return
    if not is_loopback(host, resolve):
        raise ConfigError(
            f"{host} is not this machine, and {participants} participants are real load on whoever runs it: more than "
            f"{FREE_PARTICIPANTS} may be sent there only when that is said",
            who="--host",
            hint=f"if it is yours to load: --allow-target {host}",
        )


def is_loopback(host: str, resolve: Resolve = addresses_of) -> bool:
    """Is every address of that host on this machine alone? Raises ConfigError when it has none."""
    try:
        found = list(resolve(host))
    except OSError as error:
        raise ConfigError(
            f"{host} has no address: {error.strerror or error}", who="--host", hint="check the name, or give an address"
        ) from error
    if not found:
        raise ConfigError(f"{host} has no address", who="--host", hint="check the name, or give an address")
    return all(ipaddress.ip_address(address.partition("%")[0]).is_loopback for address in found)
