"""Who sends by the compiled path, and who by Python's."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from probe.client.fast_publisher import FastPublisher, Pacing
from probe.client.publisher import Publisher
from probe.client.publishing import open_publisher, send_track
from probe.client.seams import Media
from probe.media.audio import AudioCursor
from probe.media.video import VideoCursor
from probe.native import core
from probe.rtc.fast_sender import FastTrackSender
from probe.rtc.peer import Peer
from probe.rtc.sender import TrackSender
from probe.rtc.transceiver import SenderInfo, Transceiver
from probe.wire.rtp import parse_header
from probe.wire.sdp import OUR_AUDIO, OUR_VIDEO
from tests.client.fakes import START, Bench
from tests.client.test_publisher import Camera
from tests.native.wire import Wire, audio_loop, video_loop

needs_core = pytest.mark.skipif(core is None, reason="the compiled packet path is not built here")
VIDEO, AUDIO = video_loop(), audio_loop()


def media(**other: Any) -> Media:
    values: dict[str, Any] = {"video": VideoCursor(VIDEO, 0), "fps": 10.0, "audio": AudioCursor(AUDIO), "phase": 0.0}
    return Media(**(values | other))


def bench(*, compiled: bool) -> Bench:
    found = Bench("headers")
    if compiled:
        found.context.pacing = Pacing(found.clock, found.wheel, lambda late: None, found.clock.now)
    return found


def transceiver(kind: str, ssrc: int) -> Transceiver:
    codecs = list(OUR_AUDIO if kind == "audio" else OUR_VIDEO)
    return Transceiver(kind, "sendonly", SenderInfo(ssrc, ssrc + 1, "c", ("s", "t")), mid="0", codecs=codecs)


class StrawPeer:
    """Connected by `wire`, or through a relay without one."""

    def __init__(self, wire: Wire | None) -> None:
        self.sent: list[bytes] = []
        self.lane = SimpleNamespace() if wire is not None else None
        self._wire = wire

    def outlet(self) -> Any:
        return self._wire.outlet() if self._wire is not None else None

    def send_rtp(self, packet: bytes) -> None:
        self.sent.append(packet)


@pytest.fixture
def wire() -> Iterator[Wire]:
    found = Wire()
    yield found
    found.close()


def test_without_the_compiled_path_it_is_python() -> None:
    found = open_publisher(bench(compiled=False).context, media(), lambda: 1)
    assert isinstance(found, Publisher)
    assert found.kinds == ("audio", "video")


@needs_core
def test_prepared_loops_go_by_the_compiled_path() -> None:
    for given in (media(), media(video=None), media(audio=None)):
        found = open_publisher(bench(compiled=True).context, given, lambda: 1)
        assert isinstance(found, FastPublisher)
        assert len(found.kinds) == (given.video is not None) + (given.audio is not None)
        found.close()


@needs_core
def test_a_source_that_is_no_loop_goes_by_python() -> None:
    found = open_publisher(bench(compiled=True).context, media(video=Camera()), lambda: 1)
    assert isinstance(found, Publisher)
    assert found.kinds == ("audio", "video")


@needs_core
@pytest.mark.parametrize("kind", ["audio", "video"])
def test_each_path_has_the_sender_that_it_can_have(wire: Wire, kind: str) -> None:
    found = bench(compiled=True)
    publisher = open_publisher(found.context, media(), lambda: 1)
    direct, relayed = StrawPeer(wire), StrawPeer(None)
    fast = send_track(publisher, cast(Peer, direct), transceiver(kind, 11), found.context, "p2p")
    slow = send_track(publisher, cast(Peer, relayed), transceiver(kind, 21), found.context, "sfu")
    assert isinstance(fast, FastTrackSender)
    assert isinstance(slow, TrackSender)
    found.wheel.run_until(START + 1.05)
    on_the_wire = wire.clear()
    assert (direct.sent, len(on_the_wire)) == ([], fast.packets)
    assert len(relayed.sent) == slow.packets == fast.packets > 5
    assert {parse_header(packet).ssrc for packet in on_the_wire} == {11}
    assert {parse_header(packet).ssrc for packet in relayed.sent} == {21}
    publisher.close()


@pytest.mark.parametrize("kind", ["audio", "video"])
def test_in_python_every_path_has_the_same_sender(wire: Wire, kind: str) -> None:
    found = bench(compiled=False)
    publisher = open_publisher(found.context, media(), lambda: 1)
    peer = StrawPeer(wire)
    sender = send_track(publisher, cast(Peer, peer), transceiver(kind, 11), found.context, "p2p")
    assert isinstance(sender, TrackSender)
    found.wheel.run_until(START + 1.05)
    assert len(peer.sent) == sender.packets > 5
    assert wire.datagrams() == []
