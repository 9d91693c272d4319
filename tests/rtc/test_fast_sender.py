"""One outgoing stream through the compiled path, beside TrackSender: same seed, same media, same bytes after decryption."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any, Protocol

import pytest
from pylibsrtp import Error, Policy

from probe.client.fast_publisher import content
from probe.native import core
from probe.rtc.fast_sender import HISTORY, FastTrackSender, sockaddr
from probe.rtc.sender import MediaUnit, TrackSender
from probe.rtc.transceiver import SenderInfo, Transceiver
from probe.wire import extensions as ext
from probe.wire.rtcp import Nack
from probe.wire.rtp import parse_header
from probe.wire.sdp import OUR_AUDIO, OUR_VIDEO, Codec
from tests.client.fakes import START, FakeClock
from tests.native.wire import Wire, audio_loop, session, video_loop

pytestmark = pytest.mark.skipif(core is None, reason="the compiled packet path is not built here")

IDS = {1: ext.MID, 2: ext.ABS_CAPTURE_TIME}
H264 = [codec for codec in OUR_VIDEO if codec.name == "H264"][:1]
NO_RTX = [codec for codec in OUR_VIDEO if codec.name == "VP8"][:1]


class FromTheEnd(random.Random):
    """Draws numbers so near to their end that all of them wrap within a few packets; sequence numbers too."""

    def randrange(self, start: int, stop: int | None = None, step: int = 1) -> int:
        return (1 << 16) - 3 if start == 1 << 15 else start - 5


class Bench:
    """The same frames through both: `python` holds what TrackSender sent, `compiled()` what came over the wire."""

    def __init__(
        self,
        kind: str = "video",
        codecs: list[Codec] | None = None,
        extensions: dict[int, str] | None = None,
        mid: str = "7",
        wire: Wire | None = None,
        connected: bool = False,
    ) -> None:
        self.clock = FakeClock()
        self.wire = wire or Wire()
        self.python: list[bytes] = []
        self.wanted = 0
        codecs = codecs or list(OUR_AUDIO if kind == "audio" else OUR_VIDEO)
        transceiver = Transceiver(
            kind, "sendonly", SenderInfo(111, 222, "cname", ("s", "t")), mid=mid, codecs=codecs,
            extensions=IDS if extensions is None else extensions,
        )  # fmt: skip
        self.slow = TrackSender(transceiver, self.clock, self.python.append, self._want, FromTheEnd())
        outlet = self.wire.outlet(connected=connected)
        self.fast = FastTrackSender(transceiver, self.clock, outlet, self._again, self._want, FromTheEnd())
        self._far: list[bytes] = []

    def _want(self) -> None:
        self.wanted += 1

    def _again(self, packet: bytes) -> None:
        self.wire.near.sendto(self.wire.session.protect(packet), self.wire.far.getsockname())

    def play(self, times: list[float], codec: str = "VP8") -> None:
        """Frames at these times (seconds from START): the compiled one by a source, and the same unit to TrackSender."""
        loop = video_loop(codec) if self.slow.kind == "video" else audio_loop()
        interval = 0.1 if self.slow.kind == "video" else 0.02
        source = core.Source(content(loop, self.slow.codec_name), interval, self.slow.kind)

        def mirror(number: int, time: float, position: int) -> None:
            if self.slow.kind == "audio":
                self.slow.send(MediaUnit("audio", audio_loop().packets[number], True, time, position, 0))
            else:
                frame = loop.frames[number]  # type: ignore[union-attr]
                self.slow.send(MediaUnit("video", frame.data, frame.keyframe, time, position, frame.index))

        source.attach(mirror)
        source.attach(self.fast.track)
        pacer = core.Pacer()
        pacer.add(source, START + times[0])
        for time in times:
            self.clock.time = START + time
            pacer.run(START + time)
            self._far += self.wire.clear()

    def compiled(self) -> list[bytes]:
        self._far += self.wire.clear()
        return self._far


class NewBench(Protocol):
    def __call__(self, *args: Any, **more: Any) -> Bench: ...


@pytest.fixture
def new_bench() -> Iterator[NewBench]:
    made: list[Bench] = []

    def make(*args: Any, **more: Any) -> Bench:
        made.append(Bench(*args, **more))
        return made[-1]

    yield make
    for bench in made:
        bench.wire.close()


REGULAR = [number * 0.1 for number in range(70)]
UNEVEN = [0.0, 0.1034, 0.2, 0.39, 0.391, 0.5, 2.5, 2.6001, 2.7, 9.0, 9.1]


@pytest.mark.parametrize(
    ("codecs", "codec"), [(None, "VP8"), (NO_RTX, "VP8"), (H264, "H264")], ids=["vp8", "without rtx", "h264"]
)
@pytest.mark.parametrize("times", [REGULAR, UNEVEN], ids=["regular", "late"])
def test_video_is_the_same_byte_for_byte(
    new_bench: NewBench, codecs: list[Codec] | None, codec: str, times: list[float]
) -> None:
    bench = new_bench(codecs=codecs)
    bench.play(times, codec)
    assert len(bench.python) > 20
    assert bench.compiled() == bench.python
    numbers = [parse_header(packet).sequence_number for packet in bench.python]
    assert numbers[0] == 65533
    assert 0 in numbers


def test_timestamps_wrap(new_bench: NewBench) -> None:
    bench = new_bench()
    bench.play(REGULAR)
    stamps = [parse_header(packet).timestamp for packet in bench.compiled()]
    assert stamps[0] == (1 << 32) - 5
    assert stamps[-1] < 1 << 20


@pytest.mark.parametrize(
    "times", [[n * 0.02 for n in range(120)], [0.0, 0.021, 0.1, 1.5, 1.51]], ids=["regular", "late"]
)
def test_audio_is_the_same_byte_for_byte(new_bench: NewBench, times: list[float]) -> None:
    bench = new_bench("audio")
    bench.play(times)
    assert bench.compiled() == bench.python
    assert [parse_header(packet).marker for packet in bench.python[:3]] == [True, False, False]


@pytest.mark.parametrize(
    ("extensions", "mid"),
    [({}, "7"), ({1: ext.MID}, "7"), ({9: ext.ABS_CAPTURE_TIME}, ""), ({3: ext.MID, 4: ext.ABS_CAPTURE_TIME}, "middle"),
     ({14: ext.ABS_CAPTURE_TIME, 1: ext.MID}, "m" * 16), ({15: ext.ABS_CAPTURE_TIME, 1: ext.MID}, "0"),
     ({2: ext.ABS_CAPTURE_TIME, 1: ext.MID}, "m" * 17)],
    ids=["none", "mid", "capture", "padded", "longest one-byte form", "two-byte form by id", "two-byte form by length"],
)  # fmt: skip
def test_header_extensions(new_bench: NewBench, extensions: dict[int, str], mid: str) -> None:
    bench = new_bench(extensions=extensions, mid=mid)
    bench.play([0.0, 0.1])
    assert len(bench.python) > 3
    assert bench.compiled() == bench.python


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
@pytest.mark.parametrize("connected", [False, True], ids=["sendto", "connected"])
@pytest.mark.parametrize("profile", [Policy.SRTP_PROFILE_AEAD_AES_128_GCM, Policy.SRTP_PROFILE_AES128_CM_SHA1_80])
def test_each_way_onto_the_wire(new_bench: NewBench, address: str, connected: bool, profile: int) -> None:
    try:
        wire = Wire(address, profile)
    except OSError:
        pytest.skip(f"this machine has no {address}")
    bench = new_bench(wire=wire, connected=connected)
    bench.play([0.0, 0.1])
    assert bench.compiled() == bench.python


@pytest.mark.parametrize("codecs", [None, NO_RTX], ids=["rtx", "without"])
def test_retransmissions_are_the_same(new_bench: NewBench, codecs: list[Codec] | None) -> None:
    bench = new_bench(codecs=codecs)
    bench.play(REGULAR[:20])
    again: list[bytes] = []
    bench.fast._send = again.append
    count = len(bench.python)
    lost = tuple(parse_header(bench.python[number]).sequence_number for number in (0, 2, 5, 5, 17, count - 1))
    unknown = (65532, (lost[-1] + 1) & 0xFFFF)
    for sender in (bench.slow, bench.fast):
        sender.on_nack(Nack(1, 111, lost + unknown))
    assert len(again) == len(lost)
    assert again == bench.python[count:]
    assert (bench.fast.nacks, bench.fast.retransmitted) == (bench.slow.nacks, bench.slow.retransmitted) == (1, 6)
    assert bench.fast.wire_bytes == bench.slow.wire_bytes


@pytest.mark.parametrize("kind", ["audio", "video"])
def test_the_history_is_bounded_and_whole(new_bench: NewBench, kind: str) -> None:
    bench = new_bench(kind)
    bench.play([number * (0.1 if kind == "video" else 0.02) for number in range(700)])
    sent = {parse_header(packet).sequence_number: packet for packet in bench.python}
    assert len(sent) == len(bench.python) > HISTORY[kind] + 50
    kept = {number: packet for number in range(1 << 16) if (packet := bench.fast.track.packet(number)) is not None}
    assert kept == {parse_header(packet).sequence_number: packet for packet in bench.python[-HISTORY[kind] :]}


def test_counters_and_reports_are_the_same(new_bench: NewBench) -> None:
    bench = new_bench()
    assert bench.fast.report(START) is bench.slow.report(START) is None
    assert not bench.fast.started
    bench.play(UNEVEN)
    for name in (
        "kind",
        "ssrc",
        "rtx_ssrc",
        "cname",
        "codec_name",
        "packets",
        "octets",
        "wire_bytes",
        "frames",
        "started",
    ):
        assert getattr(bench.fast, name) == getattr(bench.slow, name), name
    for late in (0.0, 0.0123, 3.0):
        assert bench.fast.report(START + 9.1 + late) == bench.slow.report(START + 9.1 + late)
    assert bench.fast.bytes_sent == bench.fast.wire_bytes + 16 * bench.fast.packets  # AES-GCM's tag, RFC 7714
    assert (bench.fast.send_drops, bench.fast.unreachable) == (0, 0)


def test_who_listens_hears_every_clear_packet(new_bench: NewBench) -> None:
    bench = new_bench()
    heard: list[bytes] = []
    also: list[bytes] = []
    bench.fast.listen(heard.append)
    bench.fast.listen(also.append)
    bench.play([0.0, 0.1])
    number = parse_header(bench.python[1]).sequence_number
    for sender in (bench.slow, bench.fast):
        sender.on_nack(Nack(1, 111, (number,)))
    assert heard == also == bench.python == bench.compiled()


def test_picture_loss_wants_a_keyframe(new_bench: NewBench) -> None:
    bench = new_bench()
    bench.fast.on_picture_loss()
    assert (bench.fast.plis, bench.wanted) == (1, 1)


@pytest.mark.parametrize("end", ["disconnect", "close"])
def test_after_the_end_packets_are_numbered_and_not_sent(new_bench: NewBench, end: str) -> None:
    bench = new_bench()
    if end == "close":
        bench.wire.near.close()
    else:
        bench.fast.disconnect()
    bench.play([0.0, 0.1])
    assert bench.compiled() == []
    assert bench.fast.packets == bench.slow.packets == len(bench.python)
    assert (bench.fast.bytes_sent, bench.fast.unreachable) == (0, 0)


def test_addresses() -> None:
    assert sockaddr(("127.0.0.1", 0x1234))[2:8] == bytes((0x12, 0x34, 127, 0, 0, 1))
    assert len(sockaddr(("127.0.0.1", 1))) == 16
    assert len(sockaddr(("2001:db8::1", 1))) == 28
    assert sockaddr(("fe80::1%3", 1))[24:] == (3).to_bytes(4, "little" if sockaddr(("::", 1))[0] else "big")
    for host in ("localhost", "1.2.3", "::x", "fe80::1%nowhere"):
        with pytest.raises(ValueError, match="no numeric IP address"):
            sockaddr((host, 1))


def test_it_can_be_sent_elsewhere(new_bench: NewBench) -> None:
    bench, other = new_bench(), Wire()
    try:
        bench.play([0.0, 0.1])
        before = len(bench.compiled())
        bench.fast.redirect(other.far.getsockname()[:2])
        bench.play([0.2, 0.3])
        assert len(bench.compiled()) == before
        assert len(other.datagrams()) == len(bench.python) - before > 0
        with pytest.raises(ValueError, match="no numeric IP address"):
            bench.fast.redirect(("sfu.example", 1000))
    finally:
        other.close()


def test_what_is_sent_again_without_rtx_can_be_read_after_the_numbers_wrapped(new_bench: NewBench) -> None:
    bench = new_bench(codecs=NO_RTX)
    bench.play(REGULAR[:20])  # the third packet begins anew at 0
    lost = tuple(parse_header(bench.python[number]).sequence_number for number in (0, 17))
    bytes_before = bench.fast.bytes_sent
    bench.fast.on_nack(Nack(1, 111, lost))
    again = bench.wire.datagrams()
    assert sum(len(datagram) for datagram in again) == bench.fast.bytes_sent - bytes_before
    fresh = session(Policy.SSRC_ANY_INBOUND)
    for packet in bench.python[:17]:
        fresh.unprotect(bench.wire.session.seal.protect(packet, True))  # type: ignore[union-attr]
    with pytest.raises(Error, match="replay"):
        fresh.unprotect(again[0])
    assert fresh.unprotect(again[1]) == bench.python[17]
