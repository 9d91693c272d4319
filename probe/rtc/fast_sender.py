"""Sends one track through the compiled path (`probe.native`): the streams of `TrackSender`, byte for byte.

Python draws the numbers, answers feedback and reports; frames go from the compiled source through the compiled track to the
socket without it. The packets kept for retransmission are references into the shared loop, put together again when asked for.
"""

from __future__ import annotations

import random
import socket
from collections.abc import Callable
from dataclasses import dataclass
from struct import Struct

from pylibsrtp import Session

from probe.native import core, srtp_pointer
from probe.rtc.clock import Clock
from probe.rtc.sealing import OutboundSession
from probe.rtc.sender import FeedbackAnswers, TrackSender
from probe.rtc.transceiver import Transceiver
from probe.wire import extensions as ext
from probe.wire.rtcp import SenderReport
from probe.wire.rtp import build_packet

HISTORY = {"audio": 256, "video": 1024}
"""Packets that can be sent again."""

_PLACEHOLDER = b"\xff" * 8
_IPV4 = Struct("=H2s4s8x")
_IPV6 = Struct("=H2sI16sI")


def sockaddr(address: tuple[str, int]) -> bytes:
    """The kernel's form (`struct sockaddr_in`, `sockaddr_in6`) of a numeric address and a port. Raises ValueError for a name."""
    host, _, zone = address[0].partition("%")
    port = address[1].to_bytes(2, "big")
    try:
        if ":" not in host:
            return _IPV4.pack(socket.AF_INET, port, socket.inet_pton(socket.AF_INET, host))
        scope = int(zone) if zone.isdecimal() else socket.if_nametoindex(zone) if zone else 0
        return _IPV6.pack(socket.AF_INET6, port, 0, socket.inet_pton(socket.AF_INET6, host), scope)
    except OSError as error:
        raise ValueError(f"{address[0]!r} is no numeric IP address of this machine's networks: {error}") from error


@dataclass(frozen=True, slots=True)
class Outlet:
    """Where a track's packets leave: the bound socket, the other side's address, and the session that protects them. Sending on
    a `connected` socket costs about a tenth less, but such a socket hears nothing from other addresses: ICE must be over for good."""

    socket: socket.socket
    destination: tuple[str, int]
    session: Session
    connected: bool = False


class FastTrackSender(FeedbackAnswers):
    """One outgoing stream with the public face of `TrackSender`. `send(packet)` is the peer's `send_rtp`, by which
    retransmissions go. Needs `probe.native.core`."""

    def __init__(
        self,
        transceiver: Transceiver,
        clock: Clock,
        outlet: Outlet,
        send: Callable[[bytes], None],
        want_keyframe: Callable[[], None],
        rng: random.Random,
    ) -> None:
        assert transceiver.sender is not None
        codec = transceiver.codec()
        self.kind = transceiver.kind
        self.ssrc = transceiver.sender.ssrc
        self.rtx_ssrc = transceiver.sender.rtx_ssrc
        self.cname = transceiver.sender.cname
        self.codec_name = codec.name
        self.nacks = 0
        self.plis = 0
        self.retransmitted = 0
        self._clock = clock
        self._send = send
        self._want_keyframe = want_keyframe
        self._clock_rate = codec.clock_rate
        self._rtx_payload_type = transceiver.rtx_payload_type()
        self.retransmitted_bytes = 0
        # In TrackSender's order, so that the same seed makes the same stream.
        sequence, self._rtx_sequence = rng.randrange(1 << 15), rng.randrange(1 << 15)
        header, capture_at = _header_template(transceiver)
        self.track = core.Track(
            socket=outlet.socket,
            session=srtp_pointer(outlet.session),
            owner=outlet.session,
            kind=self.kind,
            header=header,
            capture_at=capture_at,
            clock_rate=codec.clock_rate,
            ntp_offset=clock.to_ntp(0.0),
            sequence=sequence,
            timestamp_base=rng.randrange(1 << 32),
            keep=HISTORY[self.kind],
            seal=outlet.session.seal if isinstance(outlet.session, OutboundSession) else None,
        )
        if self._rtx_payload_type is None:  # what is sent again is of the same stream: who protected it does so again
            self._send = self.track.send_again
        self.track.set_destination(sockaddr(outlet.destination), outlet.connected)

    def redirect(self, destination: tuple[str, int]) -> None:
        """From now on the packets go there, from the same socket. Raises ValueError for what is no numeric address."""
        self.track.set_destination(sockaddr(destination), False)

    @property
    def started(self) -> bool:
        """Whether the first packet is out (video begins with a keyframe)."""
        return self.track.last is not None

    @property
    def packets(self) -> int:
        """RTP packets, without retransmissions."""
        return int(self.track.packets)

    @property
    def octets(self) -> int:
        """Their payload bytes."""
        return int(self.track.octets)

    @property
    def wire_bytes(self) -> int:
        """Bytes of clear RTP packets, retransmissions too."""
        return int(self.track.wire_bytes) + self.retransmitted_bytes

    @property
    def frames(self) -> int:
        """Frames, or audio packets."""
        return int(self.track.frames)

    @property
    def bytes_sent(self) -> int:
        """SRTP bytes that went past the peer's own count: all but retransmissions."""
        return int(self.track.bytes_sent)

    @property
    def send_drops(self) -> int:
        """Datagrams that a full send buffer refused, past the endpoint's own count."""
        return int(self.track.send_drops)

    @property
    def srtp_errors(self) -> int:
        """Packets that libsrtp refused to protect: they were not sent."""
        return int(self.track.srtp_errors)

    @property
    def unreachable(self) -> int:
        """Datagrams without a route, past the endpoint's own count."""
        return int(self.track.unreachable)

    def listen(self, hear: Callable[[bytes], None]) -> None:
        """From now on `hear` gets every clear packet that goes out, retransmissions too, before it does."""
        send, before = self._send, self.track.hear

        def both(packet: bytes) -> None:
            hear(packet)
            send(packet)

        def all_of_them(packet: bytes) -> None:
            hear(packet)
            before(packet)

        self._send = both
        self.track.hear = hear if before is None else all_of_them

    def disconnect(self) -> None:
        """The connection is lost: what still comes is numbered, not sent."""
        self.track.disconnect()

    def _kept(self, sequence: int) -> bytes | None:
        packet: bytes | None = self.track.packet(sequence)
        return packet

    def _sent_again(self, size: int) -> None:
        self.retransmitted_bytes += size

    def report(self, now: float) -> SenderReport | None:
        """RFC 3550 section 6.4.1, without report blocks. None before the first packet."""
        last = self.track.last
        if last is None:
            return None
        timestamp, captured = last
        timestamp = (timestamp + round((now - captured) * self._clock_rate)) & 0xFFFFFFFF
        return SenderReport(self.ssrc, self._clock.to_ntp(now), timestamp, self.packets, self.octets, ())


AnySender = TrackSender | FastTrackSender
"""What a path, its RTCP and its readings see."""


def _header_template(transceiver: Transceiver) -> tuple[bytes, int]:
    """The header that all packets share, as `build_packet` makes it, and where in it the capture time goes (-1 nowhere)."""
    assert transceiver.sender is not None
    mid_id, capture_id = transceiver.extension_id(ext.MID), transceiver.extension_id(ext.ABS_CAPTURE_TIME)
    elements: dict[int, bytes] = {}
    if mid_id is not None:
        elements[mid_id] = transceiver.mid.encode()
    if capture_id is not None:
        elements[capture_id] = _PLACEHOLDER
    header = build_packet(
        payload_type=transceiver.codec().payload_type,
        marker=False,
        sequence_number=0,
        timestamp=0,
        ssrc=transceiver.sender.ssrc,
        payload=b"",
        extensions=elements,
    )
    # The placeholder is the last element, and only zeros follow it.
    return header, -1 if capture_id is None else header.rindex(_PLACEHOLDER)
