"""Emulated access networks in front of real connections: per participant one link up and one link down, whatever the path.

The offerer of a connection sets it up for both ends. Its own candidates are kept from the other side, and the other side's are
replaced by relays that carry every datagram through the links; so no packet can take a way around them.
"""

from __future__ import annotations

import ipaddress
import random
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from probe.client.disturbances import disturbances
from probe.model.errors import NegotiationError
from probe.rtc.clock import Clock
from sfu_shim.core.link.candidates import rewrite_candidates
from sfu_shim.core.link.link import Link
from sfu_shim.core.link.profiles import Network
from sfu_shim.core.link.schedule import Schedule
from sfu_shim.link_relay import LinkRelay, Releaser

Address = tuple[str, int]
_MOST_DISTURBANCES = 1000
"""Moments: whoever looks at a run sees no more, and participants without end would bring moments without end."""
_TCP_CANDIDATE = re.compile(r"(?:a=)?candidate:\S+ \d+ tcp ", re.IGNORECASE)
_OWN_CANDIDATES = re.compile(r"^a=(?:candidate:.*|end-of-candidates)\r?\n", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Access:
    """One participant's emulated access. The links keep the truth of what they did (`Link.truth`)."""

    network: Network
    up: Link
    down: Link


class Emulation:
    """All accesses of a run. `addresses`: those that ICE gathers on, where the relays stand too. `networks` counts all who ever
    had one, by its (name, source); `disturbed` counts those to whom something began, by (monotonic whole second, what it was)."""

    def __init__(self, clock: Clock, addresses: Sequence[str], rng: random.Random) -> None:
        self._clock = clock
        self._addresses = tuple(addresses)
        self._rng = rng
        self._releaser: Releaser | None = None
        self.accesses: dict[str, Access] = {}
        self.networks: Counter[tuple[str, str]] = Counter()
        self.disturbed: Counter[tuple[int, str]] = Counter()
        self.socket_drops = 0

    def enter(self, participant: str, network: Network) -> Access:
        """From now on this participant's connections go through links of its own; schedules count from now."""
        now = self._clock.now()
        access = Access(network, self.new_link(network.up, now), self.new_link(network.down, now))
        self.accesses[participant] = access
        self.networks[network.name, network.source] += 1
        if len(self.disturbed) < _MOST_DISTURBANCES:
            self.disturbed.update((round(now + after), words) for after, words in disturbances(network))
        return access

    def leave(self, participant: str) -> None:
        """Nobody asks for its access any more: only the count of those who had that network stays."""
        self.accesses.pop(participant, None)

    def new_link(self, schedule: Schedule, start: float) -> Link:
        """One direction of an access, whose schedule counts from `start`."""
        return Link(schedule, self._rng, start)

    def tunnel(self, near: str, far: str | None) -> Tunnel | None:
        """For a connection that `near` offers to `far` (None: a server). None when neither has an emulated access."""
        ends = [self.accesses.get(near), self.accesses.get(far) if far is not None else None]
        if not any(ends):
            return None
        self._releaser = self._releaser or Releaser(self._clock)
        sender, receiver = ends
        forward = [*([sender.up] if sender else []), *([receiver.down] if receiver else [])]
        backward = [*([receiver.up] if receiver else []), *([sender.down] if sender else [])]
        return Tunnel(self, forward, backward, self._releaser)

    async def relay(
        self, target: Address, forward: Sequence[Link], backward: Sequence[Link], releaser: Releaser
    ) -> LinkRelay:
        """A relay in front of `target`, on an address of this machine of the same family."""
        try:
            version = ipaddress.ip_address(target[0]).version
        except ValueError as error:
            raise NegotiationError(
                f"can't emulate a network in front of {target[0]!r}: it is no IP address", phase="offer_answer"
            ) from error
        address = next((a for a in self._addresses if ipaddress.ip_address(a).version == version), None)
        if address is None:
            raise NegotiationError(
                f"can't emulate a network in front of {target[0]}: no own IPv{version} address", phase="offer_answer"
            )
        return await LinkRelay.create(target, forward, backward, self._clock, address, releaser=releaser)

    def close(self) -> None:
        """What is still on its way is lost."""
        if self._releaser is not None:
            self._releaser.close()


class Tunnel:
    """One connection's way through the links, at its offerer."""

    def __init__(self, emulation: Emulation, forward: list[Link], backward: list[Link], releaser: Releaser) -> None:
        self._emulation = emulation
        # A direction without an access of its own still passes a relay, unharmed.
        self._forward = forward or [Link(_UNHARMED, random.Random(0))]
        self._backward = backward or [Link(_UNHARMED, random.Random(0))]
        self._releaser = releaser
        self._relays: dict[Address, LinkRelay] = {}

    @staticmethod
    def outgoing(sdp: str) -> str:
        """Our description without our candidates: the other side learns of us through the relay alone."""
        return _OWN_CANDIDATES.sub("", sdp)

    async def incoming(self, sdp: str) -> str:
        """The other side's description, or one candidate line, with relays in place of its candidates.

        Those that no relay can stand in front of (mDNS names, a family that we have no address of, TCP) are left out: no packet may
        take a way around the links. A line of TCP becomes empty. Raises NegotiationError where none remains of those over UDP.
        """
        found, refused = _targets(sdp), None
        for target in found:
            if target not in self._relays:
                try:
                    relay = await self._emulation.relay(target, self._forward, self._backward, self._releaser)
                except NegotiationError as error:
                    refused = error
                else:
                    self._relays[target] = relay
        if refused is not None and not any(target in self._relays for target in found):
            raise refused
        kept = (
            line
            for line in sdp.split("\n")
            if all(target in self._relays for target in _targets(line)) and not _TCP_CANDIDATE.match(line)
        )
        return rewrite_candidates("\n".join(kept), lambda host, port: self._relays[host, port].address)

    def close(self) -> None:
        """The connection is over."""
        for relay in self._relays.values():
            self._emulation.socket_drops += relay.socket_drops
            relay.close()
        self._relays.clear()


def _targets(sdp: str) -> list[Address]:
    """The addresses of all UDP candidates."""
    found: list[Address] = []

    def note(host: str, port: int) -> Address:
        found.append((host, port))
        return host, port

    rewrite_candidates(sdp, note)
    return found


_UNHARMED = Network("none").up
