"""The subscribers of one published track, and what one packet of it becomes for them. Pure.

Whoever is not anchored to the current source waits for a packet that it can begin with. That is rare and decided
here, one subscriber at a time; what is done for each packet and subscriber is `forward`, which can be compiled.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import NamedTuple

from sfu_shim.core.history import Packet
from sfu_shim.core.outgoing import Outgoing, OutgoingSpec


class Transmit(NamedTuple):
    """A clear packet to protect and send to an endpoint."""

    endpoint: str
    data: bytes
    rtcp: bool = False


class Forwarded(NamedTuple):
    """What one packet became: `packets` and `size` (bytes, with header, clear) of all, and those of them that are still to
    be sent: who has sent the others itself leaves them out."""

    packets: int
    size: int
    to_send: Sequence[Transmit]


class Audience:
    """Outgoing streams of one track, by endpoint."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._outgoing: dict[str, Outgoing] = {}
        self._waiting: dict[str, Outgoing] = {}
        self._source_ssrc = -1

    @property
    def endpoints(self) -> tuple[str, ...]:
        return tuple(self._outgoing)

    def add(self, endpoint: str, spec: OutgoingSpec) -> Outgoing:
        """Begin to forward to the endpoint, which must not be there yet."""
        outgoing = self._outgoing[endpoint] = self._waiting[endpoint] = self._new(endpoint, spec)
        return outgoing

    def remove(self, endpoint: str) -> Outgoing | None:
        """The stream that ends; None if there was none."""
        self._waiting.pop(endpoint, None)
        return self._outgoing.pop(endpoint, None)

    def waiting(self, ssrc: int) -> bool:
        """Whether somebody gets nothing of the source yet."""
        if ssrc != self._source_ssrc:
            self._source_ssrc = ssrc
            self._waiting = {name: each for name, each in self._outgoing.items() if not each.anchored_to(ssrc)}
        return bool(self._waiting)

    def begin(self, packet: Packet) -> None:
        """Let those who wait begin with this packet."""
        for outgoing in self._waiting.values():
            outgoing.anchor(packet)
        self._waiting.clear()

    @property
    def withheld(self) -> int:
        """How many wait."""
        return len(self._waiting)

    def forward(self, packet: Packet) -> Forwarded:
        """The packet for all who have begun."""
        written = [
            Transmit(endpoint, data)
            for endpoint, outgoing in self._outgoing.items()
            if outgoing.anchored_to(packet.ssrc) and (data := outgoing.rewrite(packet)) is not None
        ]
        return Forwarded(len(written), sum(len(each.data) for each in written), written)

    def _new(self, endpoint: str, spec: OutgoingSpec) -> Outgoing:
        return Outgoing(spec, self._rng)


MakeAudience = Callable[[random.Random], Audience]
