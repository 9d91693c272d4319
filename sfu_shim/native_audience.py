"""The subscribers of one track, served by one call of the compiled extension for each packet.

What is sent is decided by `sfu_shim.core.outgoing` as ever; the extension writes it, protects it and sends it. Whoever
can't be reached that way (a path through TURN, or not connected yet) gets its packets from Python, as without it.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from probe import native
from probe.rtc.fast_sender import Outlet, sockaddr
from probe.rtc.peer import Peer
from sfu_shim.core.audience import Audience, Forwarded, Transmit
from sfu_shim.core.history import Packet
from sfu_shim.core.outgoing import MID_PACKETS, Outgoing, OutgoingSpec

if TYPE_CHECKING:
    from probe.native._core import Fanout, Route


class Routes:
    """The ways to all endpoints, by name. Needs `probe.native.available()`."""

    def __init__(self) -> None:
        self._routes: dict[str, Route] = {}
        self._outlets: dict[str, Outlet | None] = {}

    def to(self, endpoint: str) -> Route:
        """The way to the endpoint; it leads nowhere until it is set."""
        found = self._routes.get(endpoint)
        if found is None:
            found = self._routes[endpoint] = native.core.Route()
        return found

    def update(self, endpoint: str, peer: Peer) -> None:
        """Lead to where the peer sends now, nowhere when it is not connected: call it when that has changed, and now and then,
        since ICE may change its mind."""
        outlet = peer.outlet()
        if outlet == self._outlets.get(endpoint):
            return
        self._outlets[endpoint] = outlet
        route = self.to(endpoint)
        if outlet is None:
            route.clear()
        else:
            route.set(outlet.socket, sockaddr(outlet.destination), outlet.session, native.srtp_pointer(outlet.session))

    def cut(self, endpoint: str) -> None:
        """The endpoint is not reached from now on."""
        self._outlets.pop(endpoint, None)
        self.to(endpoint).clear()

    def forget(self, endpoint: str) -> int:
        """The endpoint is gone. How many packets to it were dropped."""
        route = self._routes.pop(endpoint, None)
        return 0 if route is None else _dropped(route)

    @property
    def dropped(self) -> int:
        """Packets to all endpoints that could not be sent."""
        return sum(map(_dropped, self._routes.values()))

    @property
    def bytes_sent(self) -> int:
        """SRTP bytes that went to all endpoints this way."""
        return sum(route.bytes_sent for route in self._routes.values())


def _dropped(route: Route) -> int:
    return route.drops + route.unreachable + route.refused


class NativeAudience(Audience):
    """`Audience` with the numbers of its streams in C, and `forward` too."""

    def __init__(self, rng: random.Random, routes: Routes) -> None:
        super().__init__(rng)
        self._routes = routes
        self._fanout: Fanout = native.core.Fanout()

    def remove(self, endpoint: str) -> Outgoing | None:
        """As Audience.remove."""
        gone = super().remove(endpoint)
        if gone is not None:
            self._fanout.remove(gone.numbers)
        return gone

    def forward(self, packet: Packet) -> Forwarded:
        """As Audience.forward; what has a route is sent at once."""
        packets, size, left = self._fanout.forward(
            packet.ssrc, packet.sequence, packet.timestamp, packet.marker, packet.payload_type,
            packet.payload, packet.padding, packet.extensions, packet.arrival,
        )  # fmt: skip
        return Forwarded(packets, size, [Transmit(endpoint, data) for endpoint, data in left])

    def _new(self, endpoint: str, spec: OutgoingSpec) -> Outgoing:
        output = native.core.Output(
            endpoint, self._routes.to(endpoint), spec.ssrc, dict(spec.payload_types), dict(spec.extensions),
            spec.mid, MID_PACKETS,
        )  # fmt: skip
        self._fanout.add(output)
        return Outgoing(spec, self._rng, output)
