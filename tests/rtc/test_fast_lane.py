"""The compiled path of a real connection reads what the Python path reads from the same packets, and hands up the rest."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pytest

from probe import native
from probe.measure.assembly import MediaPacket
from probe.measure.records import MARKER, Records
from probe.native.stream import NativeStream
from probe.rtc import reading as reading_module
from probe.rtc.beat import Beat
from probe.rtc.clock import Clock
from probe.rtc.peer import Peer, PeerConfig
from probe.rtc.reading import Reading
from probe.rtc.receiver import ReceiverHooks, TrackReceiver
from probe.wire import extensions as ext
from probe.wire.rtcp import PictureLoss, RtcpPacket
from probe.wire.rtp import RtpHeader, build_packet

pytestmark = pytest.mark.skipif(not native.available(), reason="the compiled path was not built: no C compiler")

SSRC = 4711


@pytest.fixture
async def reading() -> Iterator[Reading]:  # type: ignore[misc]
    clock = Clock()
    found = Reading(clock, Beat(clock))
    yield found
    found.close()


@dataclass
class Side:
    """The receiving end, with a receiver for the one stream that comes."""

    peer: Peer
    clock: Clock
    records: list[Records] = field(default_factory=list)
    first: list[float] = field(default_factory=list)
    rtcp: list[RtcpPacket] = field(default_factory=list)
    receiver: TrackReceiver | None = None

    def __post_init__(self) -> None:
        self.peer.on_rtp = self.on_rtp
        self.peer.on_rtcp = lambda packets, arrival: self.rtcp.extend(packets)
        self.peer.skim(self.on_header)

    def on_rtp(self, packet: bytes, header: RtpHeader, arrival: float) -> None:
        if self.receiver is None:
            hooks = ReceiverHooks(
                self.first.append, lambda packet: None, lambda frame: None, lambda packets: None, self.records.append
            )
            transceiver = next(t for t in self.peer.transceivers if t.kind == "video")
            self.receiver = TrackReceiver(
                transceiver, header.ssrc, 1, self.clock, hooks, frames=False, lane=self.peer.lane
            )
        self.receiver.on_packet(packet, header, arrival)

    def on_header(self, packet: bytes, header: RtpHeader, arrival: float) -> bool:
        return self.receiver is not None and self.receiver.skim(packet, header, arrival)

    def all(self) -> Records:
        assert self.receiver is not None
        self.receiver.pull()
        return np.concatenate(self.records)


async def _connected(reading: Reading | None, every: int = 4) -> tuple[Peer, Side]:
    clock = Clock()
    a = Peer(PeerConfig(), label="a", controlling=True, clock=clock, rng=random.Random(1))
    config = PeerConfig(reading=reading, authenticate_every=every)
    b = Peer(config, label="b", controlling=False, clock=clock, rng=random.Random(2))
    a.add_transceiver("video", "sendonly", ("a", "a-video"))
    side = Side(b, clock)
    await a.accept_answer(await b.accept_offer(await a.create_offer()))
    await asyncio.gather(a.connect(), b.connect())
    return a, side


def _packet(sequence: int, size: int = 700, *, payload_type: int = 96, capture: float = 3.9e9) -> bytes:
    return build_packet(
        payload_type=payload_type,
        marker=sequence % 2 == 1,
        sequence_number=sequence & 0xFFFF,
        timestamp=sequence // 2 * 3000,
        ssrc=SSRC,
        payload=b"\x10" + bytes(size - 1),
        extensions={1: b"0", 2: ext.abs_capture_time_encode(capture + sequence / 60)},
    )


async def _send(a: Peer, sequences: list[int]) -> None:
    for sequence in sequences:
        a.send_rtp(_packet(sequence, 300 + sequence % 400))
        await asyncio.sleep(0.001)
    await asyncio.sleep(0.05)


ORDER = [65_530, 65_531, 65_532, 65_534, 65_533, 65_535, 65_536, 65_536, 65_540, 65_541, 65_539, 65_600, 65_601]


async def test_both_paths_read_the_same(reading: Reading) -> None:
    found = []
    for reader in (None, reading):
        a, side = await _connected(reader)
        await _send(a, ORDER)
        records = side.all()
        assert side.receiver is not None
        stream = side.receiver.stream
        counts = (
            stream.packets,
            stream.bytes,
            stream.duplicates,
            stream.reordered,
            stream.lost_first,
            stream.loss_runs,
        )
        plain = [records[name].tolist() for name in ("sequence", "timestamp", "size", "flags")]
        found.append((counts, plain, side.receiver.wire_bytes, len(side.first)))
        assert np.all(np.diff(records["arrival"]) >= 0)
        assert side.clock.to_ntp(records["capture"][0]) == pytest.approx(3.9e9 + 65_530 / 60, abs=1e-5)
        assert a.bytes_sent == side.peer.bytes_received
        assert not side.peer.malformed
        await asyncio.gather(a.close(), side.peer.close())
    assert found[0] == found[1]
    assert found[0][0][:3] == (12, found[0][0][1], 1)
    assert found[0][1][3][1] == MARKER


async def test_transport_wide_numbers_are_written_down(reading: Reading) -> None:
    a, side = await _connected(reading)
    for sequence, number in ((1, 65_533), (2, 65_534), (3, None), (4, 65_535), (5, 0)):
        numbered = {} if number is None else {3: ext.transport_sequence_encode(number)}
        packet = build_packet(
            payload_type=96, marker=True, sequence_number=sequence, timestamp=0, ssrc=SSRC, payload=b"\x10",
            extensions={1: b"0", **numbered},
        )  # fmt: skip
        a.send_rtp(packet)
        await asyncio.sleep(0.005)
    await asyncio.sleep(0.05)
    records = side.all()
    assert records["sequence"].tolist() == [1, 2, 3, 4, 5]
    # The first packet goes through Python, where its header is read on the spot.
    assert records["transport"].tolist() == [0, 0x1FFFE, 0, 0x1FFFF, 0x10000]
    await asyncio.gather(a.close(), side.peer.close())


async def test_a_share_of_the_packets_is_authenticated(reading: Reading) -> None:
    a, side = await _connected(reading, every=4)
    await _send(a, list(range(100, 141)))
    assert side.peer.lane is not None
    assert side.peer.authenticated == 1  # the first, by which Python knew the source
    assert side.peer.lane.authenticated == 10
    await asyncio.gather(a.close(), side.peer.close())


async def test_what_was_tampered_with_counts_for_nothing_and_is_told(reading: Reading) -> None:
    a, side = await _connected(reading, every=1)
    await _send(a, [1, 2])
    assert a._outbound is not None
    data = bytearray(a._outbound.protect(_packet(3)))
    data[-20] ^= 1
    a._stack.send(bytes(data))
    await _send(a, [4])
    assert side.all()["sequence"].tolist() == [1, 2, 4]
    await asyncio.gather(a.close(), side.peer.close())
    assert side.peer.malformed == {"SRTP: authentication failure": 1}


async def test_the_rest_goes_up(reading: Reading) -> None:
    a, side = await _connected(reading)
    await _send(a, [1, 2])
    a.send_rtcp(PictureLoss(1, 2).to_bytes())
    a._stack.send(b"\x80\x60\x00\x05" + bytes(4) + SSRC.to_bytes(4, "big") + b"short")  # no room for a tag
    await _send(a, [3])
    assert side.rtcp == [PictureLoss(1, 2)]
    assert side.all()["sequence"].tolist() == [1, 2, 3]
    assert side.peer.malformed.total() == 1
    await asyncio.gather(a.close(), side.peer.close())


async def test_who_taps_a_stream_gets_it_decrypted_and_the_records_go_on(reading: Reading) -> None:
    heard = []
    for reader in (None, reading):
        a, side = await _connected(reader, every=1)
        await _send(a, [10, 11, 12])
        assert side.receiver is not None
        packets: list[MediaPacket] = []
        for first in (13, 23):
            side.receiver.tap(packets.append)
            await _send(a, [first, first + 1, first + 3, first + 2])
            side.receiver.tap(None)
            await _send(a, list(range(first + 4, first + 10)))
        heard.append([(p.sequence, p.timestamp, p.marker, len(p.payload), p.recovered) for p in packets])
        assert [packet.payload[:1] for packet in packets] == [b"\x10"] * 8
        records = side.all()
        order = [*range(10, 15), 16, 15, *range(17, 25), 26, 25, *range(27, 33)]
        assert records["sequence"].tolist() == order
        assert np.all(np.diff(records["arrival"]) >= 0)
        if side.peer.lane is not None:
            # The first packet and those that were tapped went through Python; each counts once, however often it was tapped.
            assert (side.peer.authenticated, side.peer.lane.authenticated) == (9, 14)
        await asyncio.gather(a.close(), side.peer.close())
    assert [sequence for sequence, *_ in heard[0]] == [13, 14, 16, 15, 23, 24, 26, 25]
    assert heard[0] == heard[1]


async def test_a_closed_lane_watches_nothing(reading: Reading) -> None:
    a, side = await _connected(reading)
    await _send(a, [1, 2, 3])
    receiver, lane = side.receiver, side.peer.lane
    assert receiver is not None
    assert lane is not None
    receiver.tap(lambda packet: None)
    await asyncio.gather(a.close(), side.peer.close())
    receiver.tap(None)  # a look at its pictures that outlived the path
    stream = receiver.stream
    assert isinstance(stream, NativeStream)
    assert not lane.watch(stream, 96, None)
    lane.unwatch(stream)
    lane.close()
    assert side.all()["sequence"].tolist() == [1, 2, 3]


async def test_many_are_read_in_ticks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading_module, "MANY", 2)
    clock = Clock()
    beat = Beat(clock)
    reading = Reading(clock, beat)
    pairs = [await _connected(reading) for _ in range(2)]
    assert reading.in_ticks
    assert beat.running
    for a, _ in pairs:
        await _send(a, list(range(50, 60)))
    assert [side.all()["sequence"].tolist() for _, side in pairs] == [list(range(50, 60))] * 2
    for a, side in pairs:
        await asyncio.gather(a.close(), side.peer.close())
    assert not reading.in_ticks
    assert not beat.running
    reading.close()
    reading.close()
