"""A peer connection: ICE and DTLS below (`IceStack`), descriptions beside (`Jsep`), clear RTP and RTCP above.

Every phase of a connection is reported with its time, every wait has a deadline, and what arrives is handed on with the
kernel's arrival time. Packets that come before DTLS has finished on this side are kept (bounded) and unprotected then.
"""

from __future__ import annotations

import asyncio
import ipaddress
import random
from collections import Counter
from collections.abc import Callable

import pylibsrtp

from probe.model.errors import ConnectionFailed, ProbeError
from probe.rtc.certificate import shared_certificate
from probe.rtc.clock import Clock
from probe.rtc.dtls import DtlsError
from probe.rtc.fast_lane import FastLane
from probe.rtc.fast_sender import Outlet
from probe.rtc.ice_server import IceServer
from probe.rtc.ice_stack import IceStack
from probe.rtc.jsep import Jsep, LocalTransport, OnSection
from probe.rtc.peer_config import PeerConfig
from probe.rtc.remote_candidates import RemoteCandidates
from probe.rtc.transceiver import Transceiver, new_sender
from probe.wire.rtcp import RtcpPacket, parse_compound
from probe.wire.rtp import RtpError, RtpHeader, is_rtcp, parse_header

_EARLY_PACKETS = 256


class Peer:
    """One WebRTC connection. Set the `on_…` callbacks, negotiate, `connect`, then send and receive.

    `on_rtp(packet, header, arrival)` gets decrypted RTP, `on_replay(header, size, arrival)` the clear header of a packet
    that came again, `on_rtcp(packets, arrival)` decrypted RTCP, `on_round_trip`
    the seconds of a STUN transaction, `on_phase(name, time)` the steps reached, `on_closed(reason)` an unplanned end,
    `on_trouble(error)` what does not work and does not matter yet: a STUN or TURN server that gives no candidate.
    `malformed` counts, by cause, the datagrams that were refused: they never raise. `trailer`: bytes of SRTP's tag, 0 before the
    first packet; `authenticated`: RTP packets that were decrypted.
    """

    def __init__(
        self, config: PeerConfig, *, label: str, controlling: bool, clock: Clock, rng: random.Random | None = None
    ) -> None:
        self.label = label
        self.on_rtp: Callable[[bytes, RtpHeader, float], None] = lambda packet, header, arrival: None
        self.on_replay: Callable[[RtpHeader, int, float], None] = lambda header, size, arrival: None
        self.on_rtcp: Callable[[list[RtcpPacket], float], None] = lambda packets, arrival: None
        self.on_round_trip: Callable[[float], None] = lambda seconds: None
        self.on_phase: Callable[[str, float], None] = lambda phase, time: None
        self.on_closed: Callable[[str], None] = lambda reason: None
        self.on_trouble: Callable[[ProbeError], None] = lambda error: None
        self.malformed: Counter[str] = Counter()
        self.bytes_sent = 0
        self.authenticated = 0
        self.connected = False
        self._config = config
        self._clock = clock
        self._rng = rng or random.Random()  # SSRCs and session ids need no secrecy
        self._stack = IceStack(
            clock,
            controlling=controlling,
            on_media=self._media_arrived,
            on_round_trip=lambda seconds: self.on_round_trip(seconds),
            on_lost=self._lost,
        )
        self._jsep: Jsep | None = None
        self._pending: list[Transceiver] = []
        self._on_section: OnSection | None = None
        self._patience: asyncio.Timeout | None = None
        self._remote_candidates = RemoteCandidates(self._stack, label)
        self._inbound: pylibsrtp.Session | None = None
        self._outbound: pylibsrtp.Session | None = None
        self._early: list[tuple[bytes, float]] = []
        self._closed = False
        self.trailer = 0
        self._bytes_received = 0
        self._on_header: Callable[[bytes, RtpHeader, float], bool] | None = None
        self._unread = 0
        self.lane: FastLane | None = None

    # negotiation

    @property
    def transceivers(self) -> list[Transceiver]:
        """In the order of the m-sections."""
        return self._pending if self._jsep is None else self._jsep.transceivers

    def add_transceiver(self, kind: str, direction: str, msid: tuple[str, str] | None = None) -> Transceiver:
        """A new m-section for the next offer. `msid` (stream, track) names what we send."""
        sender = new_sender(msid, self.label, self._rng) if msid is not None else None
        transceiver = Transceiver(kind, direction, sender)
        self.transceivers.append(transceiver)
        return transceiver

    def accept_sections(self, on_section: OnSection) -> None:
        """Choose what answers an offered section that matches no transceiver (default: receive it)."""
        self._on_section = on_section
        if self._jsep is not None:
            self._jsep.on_section = on_section

    async def create_offer(self) -> str:
        """Gather if needed and describe what we want. The offer carries all candidates."""
        return (await self._description()).offer()

    async def accept_answer(self, sdp: str) -> None:
        """Raises NegotiationError when the answer is unusable."""
        await self._take((await self._description()).take_answer, sdp)

    async def accept_offer(self, sdp: str) -> str:
        """Apply an offer, return the answer. Raises NegotiationError when there is nothing to agree on."""
        jsep = await self._description()
        answer = await self._take(jsep.take_offer, sdp)
        assert isinstance(answer, str)
        return answer

    async def _description(self) -> Jsep:
        if self._jsep is not None:
            return self._jsep
        config = self._config
        troubles = await self._stack.gather(
            config.addresses, config.ice_servers, relay_only=config.relay_only, udp=config.udp, tls=config.tls
        )
        for trouble in troubles:
            self.on_trouble(trouble)
        self.on_phase("ice_gathering", self._clock.now())
        transport = LocalTransport(*self._stack.credentials, shared_certificate().sha256, self._stack.candidates())
        self._jsep = Jsep(transport, self._rng, config.codecs)
        self._jsep.transceivers = self._pending
        self._jsep.on_section = self._on_section
        return self._jsep

    async def _take(self, apply: Callable[[str], str | None], sdp: str) -> str | None:
        result = apply(sdp)
        assert self._jsep is not None
        remote = self._jsep.remote
        if remote is not None and not self.connected:
            await self._remote_candidates.described(remote)
        return result

    async def add_candidate(self, line: str | None) -> None:
        """A trickled remote candidate line, None for the end. Raises NegotiationError when it can't be read."""
        await self._remote_candidates.trickled(line)

    # connection

    async def connect(self) -> None:
        """ICE, then DTLS; to be called once. Raises ConnectionFailed with the phase that failed, within the deadline."""
        try:
            await self._connect()
        except ConnectionFailed:
            if self._closed:
                raise ConnectionFailed("closed while connecting", who=self.label, phase="ice_connected") from None
            raise
        finally:
            self._patience = None

    async def _connect(self) -> None:
        if self._jsep is None or self._jsep.remote is None:
            raise ConnectionFailed(
                "connect before the descriptions were exchanged", who=self.label, phase="offer_answer"
            )
        remote, phase = self._jsep.remote, "ice_connected"
        try:
            async with asyncio.timeout(self._config.connect_deadline) as self._patience:
                if not await self._stack.connect(remote.ufrag, remote.password, lite=remote.ice_lite):
                    raise ConnectionFailed("no candidate pair works", who=self.label, phase=phase, hint=_ICE_HINT)
                self.on_phase(phase, self._clock.now())
                phase = "dtls_connected"
                sessions = await self._stack.dtls.connect(self._jsep.dtls_role, remote.fingerprints)
        except DtlsError as error:
            raise ConnectionFailed(
                "the DTLS handshake failed",
                who=self.label,
                phase=phase,
                hint="wrong fingerprint, or no SRTP profile in common",
            ) from error
        except TimeoutError as error:
            why = f": {self._stack.why_not()}" if phase == "ice_connected" else ""
            raise ConnectionFailed(
                f"not connected within {self._config.connect_deadline:g} s{why}",
                who=self.label,
                phase=phase,
                hint=_ICE_HINT,
            ) from error
        if self._closed:  # while the handshake's last message was on its way: nobody would close what is opened now
            raise ConnectionFailed("closed while connecting", who=self.label, phase=phase)
        self._inbound, self._outbound = sessions
        self.connected = True
        self._open_lane()
        self._stack.watch()
        self.on_phase(phase, self._clock.now())
        early, self._early = self._early, []
        for data, arrival in early:
            self._media_arrived(data, arrival)

    def _lost(self, reason: str) -> None:
        if not self._closed:
            self.connected = False
            self.on_closed(reason)

    @property
    def selected_pair(self) -> tuple[str, str] | None:
        """Candidate types (local, remote), None before ICE completed."""
        return self._stack.selected_pair()

    @property
    def pair_label(self) -> str:
        """The same in one word, with the way to our TURN server: "host/host", "relay-tcp/host". Empty before ICE completed."""
        return self._stack.pair_label()

    @property
    def remote_address(self) -> tuple[str, int] | None:
        """Where the selected pair's packets go, None before ICE completed."""
        return self._stack.remote_address()

    @property
    def socket_drops(self) -> int:
        """Datagrams lost in full socket buffers of this process, both ways."""
        return self._stack.socket_drops

    # packets

    def send_rtp(self, packet: bytes) -> None:
        """Protect (RFC 3711) and send one clear RTP packet. Dropped while not connected."""
        if self.connected and self._outbound is not None:
            data = self._outbound.protect(packet)
            self.bytes_sent += len(data)
            self._stack.send(data)

    def send_rtcp(self, packet: bytes) -> None:
        """Protect and send one clear (compound) RTCP packet. Dropped while not connected."""
        if self.connected and self._outbound is not None:
            data = self._outbound.protect_rtcp(packet)
            self.bytes_sent += len(data)
            self._stack.send(data)

    def _media_arrived(self, data: bytes, arrival: float) -> None:
        if self._inbound is None:
            if len(self._early) < _EARLY_PACKETS:
                self._early.append((data, arrival))
            return
        self._bytes_received += len(data)
        if self._on_header is not None and self._skim(data, arrival):
            return
        try:
            if is_rtcp(data):
                packets = parse_compound(self._inbound.unprotect_rtcp(data))
            else:
                clear = self._inbound.unprotect(data)
                self.trailer = len(data) - len(clear)
                self.authenticated += 1
                header = parse_header(clear)
        except pylibsrtp.Error as error:
            self._refused(data, arrival, str(error))
        except ValueError as error:  # RtpError, RtcpError, or a datagram longer than any SRTP packet
            self.malformed[type(error).__name__] += 1
        else:
            if is_rtcp(data):
                self.on_rtcp(packets, arrival)
            else:
                self.on_rtp(clear, header, arrival)

    def skim(self, on_header: Callable[[bytes, RtpHeader, float], bool]) -> None:
        """Look at clear headers only (RFC 3711 section 3.1): `on_header(packet without tag, header, arrival)` takes a packet, or
        returns False for one that has to be decrypted. One in `authenticate_every` is decrypted and authenticated."""
        self._on_header = on_header

    def _skim(self, data: bytes, arrival: float) -> bool:
        self._unread += 1
        if self._unread >= self._config.authenticate_every or not self.trailer or is_rtcp(data):
            self._unread = 0
            return False
        try:
            header = parse_header(data, encrypted=True)
        except RtpError:
            return False  # what SRTP says of it is told
        clear = data[: -self.trailer]
        return (
            len(clear) >= header.header_length
            and self._on_header is not None
            and self._on_header(clear, header, arrival)
        )

    def _open_lane(self) -> None:
        """Let the compiled path read this connection, unless its packets come through a relay."""
        endpoint, reading = self._stack.endpoint(), self._config.reading
        if endpoint is not None and reading is not None and self._inbound is not None:
            self.lane = FastLane(reading, endpoint, self._inbound, self, self._clock, self._config.authenticate_every)

    def outlet(self) -> Outlet | None:
        """Where tracks of the compiled path send. None while not connected, and where packets go through a relay."""
        endpoint, address = self._stack.endpoint(), self._stack.remote_address()
        if not self.connected or endpoint is None or address is None or self._outbound is None:
            return None
        if self.lane is None:
            return Outlet(endpoint.get_extra_info("socket"), address, self._outbound)
        # On loopback nothing but the other side can be where ICE found it: there the socket may be connected, which makes sending cheaper.
        near = ipaddress.ip_address(address[0].partition("%")[0]).is_loopback and endpoint.connect(address)
        return Outlet(endpoint.get_extra_info("socket"), address, self._outbound, connected=near)

    @property
    def bytes_received(self) -> int:
        """SRTP and SRTCP bytes that arrived."""
        return self._bytes_received + (self.lane.bytes_received if self.lane is not None else 0)

    def _refused(self, data: bytes, arrival: float, reason: str) -> None:
        """SRTP refuses a packet that it has seen (RFC 3711 section 3.3.2): on a network that duplicates, that is a reading, and
        of RTCP nothing at all. Whatever else it refuses is malformed."""
        if not reason.startswith("replay"):
            self.malformed["SRTP: " + reason] += 1
            return
        if is_rtcp(data):
            return
        try:
            header = parse_header(data, encrypted=True)
        except RtpError:
            self.malformed["RtpError"] += 1
        else:
            self.on_replay(header, len(data), arrival)

    async def close(self) -> None:
        """Say goodbye and free everything. Idempotent; never reports itself to `on_closed`."""
        if self._closed:
            return
        self._closed = True
        self.connected = False
        if self._patience is not None and not self._patience.expired():
            self._patience.reschedule(0.0)  # whoever waits in `connect` has waited long enough
        await self._remote_candidates.close()
        if self.lane is not None:
            self.lane.close()
            if self.lane.refused:
                self.malformed["SRTP: authentication failure"] += self.lane.refused
        await self._stack.close()


_ICE_HINT = "no way through between the two: firewall, NAT without TURN, or the other side is gone"
__all__ = ["IceServer", "Peer", "PeerConfig"]
