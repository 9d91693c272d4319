"""aioice's ICE with our own sockets and our own packet path, and DTLS on top: this file touches what is private there.

aioice does ICE (RFC 8445) well. What it lacks, and what is added here:

- the addresses to gather on are chosen (aioice leaves loopback out);
- datagrams are read by `DatagramEndpoint`, with kernel arrival times, and what is no STUN never enters aioice's queue;
- each STUN transaction's round trip is reported (RFC 7675 consent checks included), by kernel arrival time and without
  retransmitted requests, whose answers are ambiguous (Karn's rule);
- the SRTP sessions are handed out, to protect and unprotect in our own path.

`PRIVATE_ATTRIBUTES` names all that is used and not public, here, in probe/rtc/ice_pairs.py and in probe/rtc/certificate.py;
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
from aiortc.rtcconfiguration import RTCIceServer

from probe.measure.webrtc_stats import Pair
from probe.model.errors import ConnectionFailed
from probe.rtc.certificate import shared_certificate
from probe.rtc.clock import Clock
from probe.rtc.dtls import Dtls
from probe.rtc.endpoint import DatagramEndpoint
from probe.rtc.ice_pairs import candidate_pairs, our_candidate
from probe.rtc.stun_repeats import BINDING_REQUEST, BINDING_SUCCESS, StunRepeats
from probe.wire.sdp import Candidate

PRIVATE_ATTRIBUTES = {
    "aioice.Connection": (
        "_local_candidates", "_local_candidates_start", "_local_candidates_end", "_nominated", "_protocols", "_check_list",
        "_closing",
    ),
    "aiortc.RTCCertificate": ("_create_ssl_context",),
}  # fmt: skip

_GATHER_DEADLINE = 5.0
_MAX_TRANSACTIONS = 64
GOODBYE = "the other side closed the connection"
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
        self._repeats = StunRepeats(connection.local_password)
        self._answered = b""

    def send_stun(self, message: stun.Message, addr: tuple[str, int]) -> None:
        if message.message_class == stun.Class.REQUEST:
            again = message.transaction_id in self._sent
            self._sent[message.transaction_id] = None if again else self._clock.now()
            if len(self._sent) > _MAX_TRANSACTIONS:
                del self._sent[next(iter(self._sent))]
        elif message.message_class == stun.Class.RESPONSE:
            self._answered = message.transaction_id
        super().send_stun(message, addr)

    def arrived(self, data: bytes, addr: tuple[Any, ...], arrival: float) -> None:
        """One datagram of our own socket. RFC 7983: first byte 128–191 is RTP or RTCP, the rest STUN or DTLS."""
        if data and 128 <= data[0] <= 191:
            self._on_media(data, arrival)
            return
        if data[:2] == BINDING_REQUEST:
            self._asked(data, (addr[0], addr[1]))
            return
        if data[:2] == BINDING_SUCCESS:
            sent = self._sent.pop(data[8:20], None)
            if sent is not None:
                self._on_round_trip(max(0.0, arrival - sent))
        if data:
            self.datagram_received(data, addr)

    def _asked(self, data: bytes, address: tuple[str, int]) -> None:
        """A check of the other side's. Where the pair is nominated there is nothing to do but to answer it."""
        connection = self.receiver
        pair = connection._nominated.get(1)
        settled = pair is not None and pair.protocol is self and pair.remote_addr == address and not connection._closing
        role = connection.ice_controlling
        answer = self._repeats.answer(data, address, role) if settled else None
        if answer is not None:
            self.transport.sendto(answer, address)
            return
        self.datagram_received(data, address)
        if settled and self._answered == data[8:20]:
            self._repeats.learn(data, address, role)


class _Connection(aioice_ice.Connection):
    """aioice's agent. `on_data(data)` gets what is no STUN, `on_end(reason)` hears of an end that is not ours."""

    def __init__(self, *, controlling: bool, on_data: Callable[[bytes], None], on_end: Callable[[str], None]) -> None:
        super().__init__(
            controlling, local_username=_ice_characters(_USERNAME), local_password=_ice_characters(_PASSWORD)
        )
        self._on_data = on_data
        self._on_end = on_end

    def data_received(self, data: bytes, component: int) -> None:
        self._on_data(data)

    def protocol_lost(self, protocol: aioice_ice.StunProtocol) -> None:
        if any(pair.protocol is protocol for pair in self._nominated.values()):
            self._on_end("the relay closed the connection")

    async def close(self) -> None:
        # aioice closes by itself when consent has expired (RFC 7675), and for no other reason.
        self._on_end("ICE consent expired: no answer from the other side")
        await super().close()


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
        self._connection = _Connection(controlling=controlling, on_data=self._data_arrived, on_end=self._lost)
        self._remote_complete = False
        self.dtls = Dtls(shared_certificate(), self._send_dtls, lambda: self._lost(GOODBYE))
        self.dtls_bytes = [0, 0]
        """Sent and received."""
        self._endpoints: list[DatagramEndpoint] = []
        self._unbound: OSError | None = None
        self._watched = False
        self._closing = False

    def _data_arrived(self, data: bytes) -> None:
        """RFC 7983: 20–63 is DTLS. RTP and RTCP come this way through TURN only, which has no socket of its own."""
        first = data[0] if data else 0
        if 20 <= first <= 63:
            self.dtls_bytes[1] += len(data)
            self.dtls.arrived(data)
        elif 128 <= first <= 191:
            self._on_media(data, self._clock.now())

    @property
    def credentials(self) -> tuple[str, str]:
        """Our ICE user name fragment and password."""
        return self._connection.local_username, self._connection.local_password

    def candidates(self) -> list[Candidate]:
        """Ours, as gathered."""
        return [our_candidate(found) for found in self._connection.local_candidates]

    def pairs(self) -> list[Pair]:
        """The candidate pairs that were or are checked."""
        return candidate_pairs(self._connection)

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
            why = f": {self._unbound.strerror}" if self._unbound is not None else ""
            raise ConnectionFailed(
                f"gathered no candidate: {wanted} was wanted{why}",
                phase="ice_gathering",
                hint="check the addresses, and the TURN server's URL and credentials",
            ) from self._unbound

    def _bind(self, address: str) -> TimedStunProtocol | None:
        protocol = TimedStunProtocol(self._connection, self._clock, self._on_media, self._on_round_trip)
        try:
            endpoint = DatagramEndpoint.bind(address, self._clock, protocol.arrived, protocol.connection_lost)
        except OSError as error:
            self._unbound = error
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

    async def add_remote(self, candidate: Candidate | None) -> None:
        """One of the other side's UDP candidates, None for the end of them; what comes after the end is ignored. The address
        may be an mDNS name, which takes a while to resolve."""
        if self._remote_complete:
            return
        self._remote_complete = candidate is None
        await self._connection.add_remote_candidate(
            None
            if candidate is None
            else IceCandidate(
                foundation=candidate.foundation,
                component=candidate.component,
                transport=candidate.transport,
                priority=candidate.priority,
                host=candidate.address,
                port=candidate.port,
                type=candidate.type,
            )
        )

    async def connect(self, ufrag: str, password: str, *, lite: bool) -> bool:
        """Check the candidate pairs against the other side's credentials. Whether one of them works."""
        connection = self._connection
        connection.remote_username, connection.remote_password, connection.remote_is_lite = ufrag, password, lite
        try:
            await connection.connect()
        except ConnectionError:
            return False
        return True

    def watch(self) -> None:
        """From now on a lost transport is reported."""
        self._watched = True

    def _lost(self, reason: str) -> None:
        if self._watched and not self._closing:
            self._closing = True
            self._on_lost(reason)

    def send(self, data: bytes) -> bool:
        """One datagram on the nominated pair. False when there is none."""
        pair = self._connection._nominated.get(1)
        if pair is None:
            return False
        pair.protocol.transport.sendto(data, pair.remote_addr)
        return True

    def _send_dtls(self, data: bytes) -> None:
        if self.send(data):
            self.dtls_bytes[0] += len(data)

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
        self.dtls.close()
        await self._connection.close()
        for endpoint in self._endpoints:
            endpoint.close()


def _ice_characters(length: int) -> str:
    """So many random ice-chars (RFC 8839 section 5.4, the letters of base64); a multiple of four. aioice would draw each letter
    by itself: 30 µs instead of 2."""
    return base64.b64encode(os.urandom(length * 3 // 4)).decode()
