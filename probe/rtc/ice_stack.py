"""aioice's ICE with our own sockets and our own packet path, and DTLS on top: this file touches what is private there.

aioice does ICE (RFC 8445) well. What it lacks, and what is added here and in the files named ice_…:

- the addresses to gather on are chosen (aioice leaves loopback out);
- all STUN and TURN servers are asked, over UDP, TCP and TLS, and what they refuse is told (`ice_gathering`, `ice_turn`);
- candidates of the other side that listen on TCP are connected to (`ice_tcp`);
- datagrams are read by `DatagramEndpoint`, with kernel arrival times, and what is no STUN never enters aioice's queue
  (`ice_protocol`);
- each STUN transaction's round trip is reported (RFC 7675 consent checks included), by kernel arrival time and without
  retransmitted requests, whose answers are ambiguous (Karn's rule);
- nobody gives up before the deadline, and lost first checks are repeated as soon as they can get through (`ice_agent`);
- the SRTP sessions are handed out, to protect and unprotect in our own path.

`PRIVATE_ATTRIBUTES` names all that is used and not public, here and in the files named above, in probe/rtc/ice_pairs.py and in
probe/rtc/certificate.py; tests/rtc/test_private_attributes.py checks each one.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Callable, Sequence

from aioice import Candidate as IceCandidate
from aioice.candidate import candidate_foundation, candidate_priority

from probe.measure.webrtc_stats import Pair
from probe.model.errors import ConnectionFailed
from probe.model.ice_url import IceUrl, Way
from probe.model.platform import SYSTEM, Tls
from probe.rtc.certificate import shared_certificate
from probe.rtc.clock import Clock
from probe.rtc.dtls import Dtls
from probe.rtc.endpoint import DatagramEndpoint
from probe.rtc.ice_agent import Agent
from probe.rtc.ice_gathering import ServerGathering
from probe.rtc.ice_pairs import candidate_pairs, local_type, our_candidate, tried
from probe.rtc.ice_protocol import MediaCallback, RoundTripCallback, TimedStunProtocol
from probe.rtc.ice_server import IceServer
from probe.rtc.ice_tcp import UDP_FIRST, TcpCandidates
from probe.rtc.ice_turn import TurnAllocation
from probe.rtc.ice_words import PHASE, no_candidate, peer_refusal
from probe.wire.sdp import Candidate

PRIVATE_ATTRIBUTES = {
    "aioice.Connection": (
        "_local_candidates", "_local_candidates_start", "_local_candidates_end", "_nominated", "_protocols", "_check_list",
        "_closing", "_check_list_maybe_fail", "_check_periodic", "_prune_components", "_remote_candidates_expected",
        "_remote_candidates",
    ),
    "aiortc.RTCCertificate": ("_create_ssl_context",),
}  # fmt: skip

GOODBYE = "the other side closed the connection"


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
        self._connection = Agent(controlling=controlling, on_data=self._data_arrived, on_end=self._lost)
        self._remote_complete = False
        self.dtls = Dtls(shared_certificate(), self._send_dtls, lambda: self._lost(GOODBYE))
        self.dtls_bytes = [0, 0]
        """Sent and received."""
        self._endpoints: list[DatagramEndpoint] = []
        self._relays: list[tuple[IceUrl, TurnAllocation]] = []
        self._unbound: OSError | None = None
        self._tcp = TcpCandidates(clock, lambda: self._protocol("tcp"), self._connection.check_over)
        self._tcp_allowed = False
        self._nothing: ConnectionFailed | None = None
        self._watched = False
        self._closing = False

    def _data_arrived(self, data: bytes) -> None:
        """What is no STUN and no media. RFC 7983: 20–63 is DTLS."""
        if data and 20 <= data[0] <= 63:
            self.dtls_bytes[1] += len(data)
            self.dtls.arrived(data)

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
        self,
        addresses: Sequence[str],
        servers: Sequence[IceServer] = (),
        *,
        relay_only: bool = False,
        udp: bool = True,
        tls: Tls = SYSTEM,
    ) -> list[ConnectionFailed]:
        """Gather host candidates on `addresses`, and reflexive and relayed ones from `servers`; with `udp` false relayed ones over
        TCP and TLS alone. Returns what did not work though there is something to go on with.

        Raises ConnectionFailed (phase ice_gathering) when nothing at all could be gathered, and nothing can be reached over TCP.
        """
        connection = self._connection
        self._tcp_allowed = not relay_only
        connection._local_candidates_start = True
        own = udp and not relay_only
        bound = [protocol for address in addresses if own and (protocol := self._bind(address)) is not None]
        connection._protocols += bound
        connection._local_candidates += [protocol.local_candidate for protocol in bound]
        troubles = []
        if servers:
            versions = frozenset(ipaddress.ip_address(address.partition("%")[0]).version for address in addresses)
            gathering = ServerGathering(self._clock, self._protocol, versions, relay_only=relay_only, udp=udp, tls=tls)
            found = await gathering.run(servers, bound)
            if self._closing:
                found.abandon()
                raise ConnectionFailed("closed while gathering", phase=PHASE)
            troubles = found.troubles
            connection._local_candidates += found.candidates
            connection._protocols += [protocol for _, protocol in found.relays]
            for url, protocol in found.relays:
                assert isinstance(protocol.transport, TurnAllocation)
                self._relays.append((url, protocol.transport))
        connection._local_candidates_end = True
        if not connection._local_candidates:
            nothing = no_candidate(addresses if own else (), troubles, self._unbound, udp=udp)
            if udp or relay_only:
                raise nothing
            self._nothing = nothing  # unless the other side listens on TCP
        return troubles

    def _protocol(self, way: Way | None = None) -> TimedStunProtocol:
        return TimedStunProtocol(self._connection, self._clock, self._on_media, self._on_round_trip, way)

    def _bind(self, address: str) -> TimedStunProtocol | None:
        protocol = self._protocol()
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

    async def add_remote(self, candidate: Candidate | None) -> None:
        """One of the other side's candidates, None for the end of them; what comes after the end is ignored. The address
        may be an mDNS name, which takes a while to resolve."""
        if self._remote_complete:
            return
        self._remote_complete = candidate is None
        if candidate is not None and candidate.transport == "tcp":
            if self._tcp_allowed:
                self._tcp.add(candidate)
            return
        if candidate is not None and not candidate.address.endswith(".local"):
            self._let_in(candidate)
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

    def _let_in(self, candidate: Candidate) -> None:
        """Relays drop what comes from whom they were not told of: tell them before the first check. Not of names, which would give
        an address away (draft-ietf-mmusic-mdns-ice-candidates section 3.3.2)."""
        try:
            version = ipaddress.ip_address(candidate.address).version
        except ValueError:
            return  # a name that nobody resolves: aioice refuses it
        for _, relay in self._relays:
            if ipaddress.ip_address(relay.relayed[0]).version == version:
                relay.expect((candidate.address, candidate.port))

    async def connect(self, ufrag: str, password: str, *, lite: bool) -> bool:
        """Check the candidate pairs against the other side's credentials. Whether one of them works.

        Raises ConnectionFailed (phase ice_gathering) where we have no candidate and the other side none that listens on TCP.
        """
        if self._nothing is not None and self._remote_complete and not self._tcp:
            raise self._nothing
        connection = self._connection
        connection.remote_username, connection.remote_password, connection.remote_is_lite = ufrag, password, lite
        wait = UDP_FIRST if connection._local_candidates else 0.0
        begin = asyncio.get_running_loop().call_later(wait, self._tcp.begin)
        try:
            await connection.connect()
        except ConnectionError:
            return False
        finally:
            begin.cancel()
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
        return None if pair is None else (local_type(self._connection, pair), pair.remote_candidate.type)

    def pair_label(self) -> str:
        """The same as "srflx/host", "relay-tcp/host", with the way to our TURN server, or "host-tcp/host"; empty before there is
        one."""
        pair, types = self._connection._nominated.get(1), self.selected_pair()
        if pair is None or types is None:
            return ""
        way = pair.protocol.way if isinstance(pair.protocol, TimedStunProtocol) else None
        return f"{types[0]}{f'-{way}' if way is not None else ''}/{types[1]}"

    def why_not(self) -> str:
        """Why no pair works, as far as can be told: what was tried, and whom the relays let nobody through to."""
        refusals = (peer_refusal(url, *key) for url, relay in self._relays for key in relay.refusals)
        return "; ".join(dict.fromkeys((tried(self._connection), *refusals, *self._tcp.why_not())))

    def endpoint(self) -> DatagramEndpoint | None:
        """Our own socket of the nominated pair. None before there is one, and for a pair through a relay or over TCP."""
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
        own = sum(endpoint.socket_drops + endpoint.send_drops for endpoint in self._endpoints)
        return own + sum(relay.drops for _, relay in self._relays) + self._tcp.drops

    async def close(self) -> None:
        """Say goodbye (DTLS close_notify) and free the sockets."""
        self._closing = True
        self.dtls.close()
        for _, relay in self._relays:
            relay.close()  # all at once: aioice closes one after the other
        await self._tcp.close()
        await self._connection.close()
        for endpoint in self._endpoints:
            endpoint.close()
