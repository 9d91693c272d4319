"""aiortc's ICE and DTLS with our own sockets and our own packet path: this file touches what is private there.

aiortc and aioice do ICE (RFC 8445) and DTLS-SRTP (RFC 5764) well. What they lack, and what is added here:

- the addresses to gather on are chosen (aioice leaves loopback out);
- datagrams are read by `DatagramEndpoint`, with kernel arrival times, and RTP and RTCP never enter aioice's queue;
- each STUN transaction's round trip is reported (RFC 7675 consent checks included), by kernel arrival time and without
  retransmitted requests, whose answers are ambiguous (Karn's rule);
- the SRTP sessions are handed out, to protect and unprotect in our own path.

`PRIVATE_ATTRIBUTES` names all that is used and not public, here and in probe/rtc/certificate.py;
tests/rtc/test_private_attributes.py checks each one.
"""

from __future__ import annotations

import asyncio
import base64
import os
from collections.abc import Callable, Sequence
from typing import Any

from aioice import Candidate as IceCandidate
from aioice import ice as aioice_ice
from aioice import stun
from aioice.candidate import candidate_foundation, candidate_priority
from aiortc import RTCDtlsTransport, RTCIceGatherer, RTCIceTransport
from aiortc.rtcconfiguration import RTCIceServer
from pylibsrtp import Session

from probe.model.errors import ConnectionFailed
from probe.rtc.certificate import PREFERRED_PROFILES, shared_certificate
from probe.rtc.clock import Clock
from probe.rtc.endpoint import DatagramEndpoint

PRIVATE_ATTRIBUTES = {
    "aioice.Connection": (
        "_local_candidates", "_local_candidates_start", "_local_candidates_end", "_nominated", "_protocols", "_check_list",
    ),
    "aiortc.RTCIceGatherer": ("_connection",),
    "aiortc.RTCIceTransport": ("_connection",),
    "aiortc.RTCDtlsTransport": ("_set_role", "_rx_srtp", "_tx_srtp", "_srtp_profiles"),
    "aiortc.RTCCertificate": ("_create_ssl_context",),
}  # fmt: skip

_GATHER_DEADLINE = 5.0
_MAX_TRANSACTIONS = 64
_BINDING_SUCCESS = b"\x01\x01"
_USERNAME, _PASSWORD = 4, 24
"""ice-chars of 6 random bits each: RFC 8445 section 5.3 wants 24 and 128 bits at least."""

MediaCallback = Callable[[bytes, float], None]
RoundTripCallback = Callable[[float], None]


class TimedStunProtocol(aioice_ice.StunProtocol):
    """aioice's STUN endpoint on our own socket: media goes to `on_media`, round trips to `on_round_trip`."""

    def __init__(
        self, connection: aioice_ice.Connection, clock: Clock, on_media: MediaCallback, on_round_trip: RoundTripCallback
    ) -> None:
        super().__init__(connection)
        self._clock = clock
        self._on_media = on_media
        self._on_round_trip = on_round_trip
        self._sent: dict[bytes, float | None] = {}

    def send_stun(self, message: stun.Message, addr: tuple[str, int]) -> None:
        if message.message_class == stun.Class.REQUEST:
            again = message.transaction_id in self._sent
            self._sent[message.transaction_id] = None if again else self._clock.now()
            if len(self._sent) > _MAX_TRANSACTIONS:
                del self._sent[next(iter(self._sent))]
        super().send_stun(message, addr)

    def arrived(self, data: bytes, addr: tuple[Any, ...], arrival: float) -> None:
        """One datagram of our own socket. RFC 7983: first byte 128–191 is RTP or RTCP, the rest STUN or DTLS."""
        if data and 128 <= data[0] <= 191:
            self._on_media(data, arrival)
            return
        if data[:2] == _BINDING_SUCCESS:
            sent = self._sent.pop(data[8:20], None)
            if sent is not None:
                self._on_round_trip(max(0.0, arrival - sent))
        if data:
            self.datagram_received(data, addr)


class IceStack:
    """One bundled transport: gather, connect, DTLS, SRTP. All waits are bounded by the caller's deadlines.

    `controlling`: the ICE role (RFC 8445 section 6.1.1), the offerer's. `on_lost(reason)` is called once when an
    established transport fails or is closed by the other side.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        controlling: bool,
        on_media: MediaCallback,
        on_round_trip: RoundTripCallback,
        on_lost: Callable[[str], None],
    ) -> None:
        self._clock = clock
        self._on_media = on_media
        self._on_round_trip = on_round_trip
        self._on_lost = on_lost
        self._gatherer = RTCIceGatherer(
            iceServers=[], local_username=_ice_characters(_USERNAME), local_password=_ice_characters(_PASSWORD)
        )
        self._connection = self._gatherer._connection
        self._connection.ice_controlling = controlling
        self.ice = RTCIceTransport(self._gatherer)
        self.dtls = RTCDtlsTransport(self.ice, [shared_certificate()])
        self.dtls._srtp_profiles = PREFERRED_PROFILES
        self._endpoints: list[DatagramEndpoint] = []
        self._closing = False
        self._intercept_relayed_media()

    def _intercept_relayed_media(self) -> None:
        """Media that comes through TURN has no socket of its own: take it out of aioice's queue on its way in."""
        to_queue = self._connection.data_received

        def data_received(data: bytes, component: int) -> None:
            if data and 128 <= data[0] <= 191:
                self._on_media(data, self._clock.now())
            else:
                to_queue(data, component)

        self._connection.data_received = data_received  # type: ignore[method-assign]

    async def gather(
        self, addresses: Sequence[str], servers: Sequence[RTCIceServer] = (), *, relay_only: bool = False
    ) -> None:
        """Gather host candidates on `addresses`, and reflexive and relayed ones from `servers`.

        Raises ConnectionFailed (phase ice_gathering) when nothing at all could be gathered.
        """
        connection = self._connection
        connection._local_candidates_start = True
        host = [] if relay_only else [self._bind(address) for address in addresses]
        bound = [protocol for protocol in host if protocol is not None]
        connection._protocols += bound
        connection._local_candidates += [protocol.local_candidate for protocol in bound]
        if servers:
            await self._gather_from_servers(servers, bound)
        connection._local_candidates_end = True
        if not connection._local_candidates:
            wanted = "a relayed candidate" if relay_only else f"an address of {', '.join(addresses) or 'none'}"
            raise ConnectionFailed(
                f"gathered no candidate: {wanted} was wanted",
                phase="ice_gathering",
                hint="check the addresses, and the TURN server's URL and credentials",
            )

    def _bind(self, address: str) -> TimedStunProtocol | None:
        protocol = TimedStunProtocol(self._connection, self._clock, self._on_media, self._on_round_trip)
        try:
            endpoint = DatagramEndpoint.bind(address, self._clock, protocol.arrived, protocol.connection_lost)
        except OSError:
            return None  # the caller complains when no address at all could be bound
        protocol.connection_made(endpoint)
        self._endpoints.append(endpoint)
        host, port = endpoint.get_extra_info("sockname")[:2]
        protocol.local_candidate = IceCandidate(
            foundation=candidate_foundation("host", "udp", host),
            component=1,
            transport="udp",
            priority=candidate_priority(1, "host"),
            host=host,
            port=port,
            type="host",
        )
        return protocol

    async def _gather_from_servers(self, servers: Sequence[RTCIceServer], bound: list[TimedStunProtocol]) -> None:
        from aiortc.rtcicetransport import connection_kwargs

        wanted = connection_kwargs(list(servers))
        tasks: list[asyncio.Task[Any]] = []
        if "stun_server" in wanted:
            tasks += [
                asyncio.create_task(aioice_ice.server_reflexive_candidate(protocol, wanted["stun_server"]))
                for protocol in bound
                if ":" not in protocol.local_candidate.host
            ]
        if "turn_server" in wanted:
            relay = aioice_ice.relayed_candidate(
                component=1,
                hide_related_address=not bound,
                protocol_factory=lambda: aioice_ice.StunProtocol(self._connection),
                **{name: value for name, value in wanted.items() if name.startswith("turn_")},
            )
            tasks.append(asyncio.create_task(relay))
        if not tasks:
            return
        done, pending = await asyncio.wait(tasks, timeout=_GATHER_DEADLINE)
        for task in pending:
            task.cancel()
        for task in done:
            if task.exception() is None:
                candidate, protocol = task.result()
                self._connection._local_candidates.append(candidate)
                if protocol is not None:
                    self._connection._protocols.append(protocol)

    def set_dtls_role(self, role: str) -> None:
        """`client` (a=setup:active) or `server` (passive)."""
        self.dtls._set_role(role)

    def watch(self) -> None:
        """From now on a lost transport is reported."""

        def dtls_changed() -> None:
            if self.dtls.state in ("closed", "failed"):
                self._lost("the other side closed the connection")

        def ice_changed() -> None:
            if self.ice.state == "failed":
                self._lost("ICE consent expired: no answer from the other side")

        self.dtls.on("statechange", dtls_changed)
        self.ice.on("statechange", ice_changed)

    def _lost(self, reason: str) -> None:
        if not self._closing:
            self._closing = True
            self._on_lost(reason)

    def srtp(self) -> tuple[Session, Session]:
        """The sessions that unprotect what comes in and protect what goes out, once DTLS is connected."""
        return self.dtls._rx_srtp, self.dtls._tx_srtp

    def send(self, data: bytes) -> bool:
        """One datagram on the nominated pair. False when there is none."""
        pair = self._connection._nominated.get(1)
        if pair is None:
            return False
        pair.protocol.transport.sendto(data, pair.remote_addr)
        return True

    def selected_pair(self) -> tuple[str, str] | None:
        """Candidate types (local, remote) of the nominated pair."""
        pair = self._connection._nominated.get(1)
        return None if pair is None else (pair.local_candidate.type, pair.remote_candidate.type)

    def endpoint(self) -> DatagramEndpoint | None:
        """Our own socket of the nominated pair. None before there is one, and for a pair that goes through a relay."""
        pair = self._connection._nominated.get(1)
        transport = pair.protocol.transport if pair is not None else None
        return transport if isinstance(transport, DatagramEndpoint) else None

    def remote_address(self) -> tuple[str, int] | None:
        """Where the nominated pair's packets go."""
        pair = self._connection._nominated.get(1)
        return None if pair is None else pair.remote_addr

    @property
    def socket_drops(self) -> int:
        """Datagrams that full socket buffers dropped, both ways."""
        return sum(endpoint.socket_drops + endpoint.send_drops for endpoint in self._endpoints)

    async def close(self) -> None:
        """Say goodbye (DTLS close_notify) and free the sockets."""
        self._closing = True
        await self.dtls.stop()
        await self.ice.stop()
        for endpoint in self._endpoints:
            endpoint.close()


def _ice_characters(length: int) -> str:
    """So many random ice-chars (RFC 8839 section 5.4, the letters of base64); a multiple of four. aioice would draw each letter
    by itself: 30 µs instead of 2."""
    return base64.b64encode(os.urandom(length * 3 // 4)).decode()
