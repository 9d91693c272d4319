"""Whose packet is it, by all that a description may or may not have said."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

from probe.rtc.demux import Demultiplexer
from probe.rtc.transceiver import Transceiver
from probe.wire import extensions as ext
from probe.wire.rtp import RtpHeader, build_packet, parse_header
from probe.wire.sdp import OUR_AUDIO, OUR_VIDEO

MID_ID = 1


@dataclass
class StrawReceiver:
    mid: str
    ssrc: int
    stream: SimpleNamespace = field(default_factory=lambda: SimpleNamespace(arrival=0.0), compare=False)


def _transceiver(kind: str, mid: str, **more: Any) -> Transceiver:
    codecs = list(OUR_AUDIO if kind == "audio" else OUR_VIDEO)
    return Transceiver(
        kind, "recvonly", mid=mid, current="recvonly", codecs=codecs, extensions={MID_ID: ext.MID}, **more
    )


def _demux(*transceivers: Transceiver) -> tuple[Demultiplexer, list[StrawReceiver]]:
    made: list[StrawReceiver] = []

    def create(transceiver: Transceiver, ssrc: int) -> Any:
        made.append(StrawReceiver(transceiver.mid, ssrc))
        return made[-1]

    return Demultiplexer(lambda: list(transceivers), create), made


def _header(ssrc: int, payload_type: int = 96, mid: str | None = None) -> RtpHeader:
    extensions = {MID_ID: mid.encode()} if mid is not None else {}
    return parse_header(
        build_packet(
            payload_type=payload_type,
            marker=False,
            sequence_number=1,
            timestamp=0,
            ssrc=ssrc,
            payload=b"x",
            extensions=extensions,
        )
    )


def test_announced_sources_are_known_by_their_ssrc() -> None:
    demux, made = _demux(
        _transceiver("video", "1", remote_ssrcs=[11], remote_rtx={12: 11}),
        _transceiver("video", "2", remote_ssrcs=[21]),
    )
    assert demux.receiver(_header(21)) is cast(Any, made[0])
    assert made[0].mid == "2"
    assert demux.receiver(_header(12, 97)) is None, "a repair of what never came"
    first = demux.receiver(_header(11))
    assert demux.receiver(_header(12, 97)) is first
    assert demux.known(12) is first
    assert len(made) == 2


def test_unannounced_ones_by_mid_and_their_repairs_by_the_same_section() -> None:
    demux, made = _demux(_transceiver("video", "1"), _transceiver("video", "2"))
    assert demux.receiver(_header(5)) is None, "two sections would fit"
    media = demux.receiver(_header(5, mid="2"))
    assert made == [StrawReceiver("2", 5)]
    assert demux.receiver(_header(6, 97, mid="2")) is media
    assert demux.receiver(_header(7, 97, mid="1")) is None


def test_repairs_that_nobody_announced_are_of_the_source_that_came_last() -> None:
    demux, made = _demux(_transceiver("video", "1"))
    first, second = (demux.receiver(_header(ssrc)) for ssrc in (5, 6))
    assert demux.receiver(_header(7, 97)) is first, "neither has come since"
    made[1].stream.arrival = 2.0
    assert demux.receiver(_header(8, 97)) is second
    made[0].stream.arrival = 3.0
    assert demux.receiver(_header(9, 97)) is first, "the first is back"
    assert demux.receiver(_header(8, 97)) is second, "what is known stays so"
    assert len(made) == 2


def test_a_lone_section_takes_what_fits_its_payload_types() -> None:
    demux, _ = _demux(_transceiver("audio", "0"), _transceiver("video", "1"))
    assert demux.receiver(_header(5, 111)) is not None
    assert demux.receiver(_header(6, 96)) is not None
    assert demux.receiver(_header(7, 120)) is None


def test_of_several_codecs_the_one_that_is_sent_comes_first() -> None:
    section = _transceiver("video", "1")
    sent: list[list[str]] = []

    def create(transceiver: Transceiver, ssrc: int) -> Any:
        sent.append([codec.name for codec in transceiver.codecs])
        return StrawReceiver(transceiver.mid, ssrc)

    demux = Demultiplexer(lambda: [section], create)
    for ssrc, codec in ((1, section.codecs[0]), (2, section.codecs[2])):
        assert demux.receiver(_header(ssrc, codec.payload_type)) is not None
    assert sent == [["VP8", "rtx", "H264", "rtx"], ["H264", "VP8", "rtx", "rtx"]]
    assert section.codec().name == "VP8"


def test_what_is_announced_no_more_is_retired_once() -> None:
    video = _transceiver("video", "1", remote_ssrcs=[11], remote_rtx={12: 11})
    demux, made = _demux(video)
    demux.receiver(_header(11))
    demux.receiver(_header(12, 97))
    assert demux.retire() == []
    video.current = "inactive"
    assert demux.retire() == cast(Any, made)
    assert demux.known(11) is demux.known(12) is None
    assert demux.retire() == []


def test_sources_of_a_section_that_announces_none_stay() -> None:
    demux, _ = _demux(_transceiver("video", "1"))
    assert demux.receiver(_header(5)) is not None
    assert demux.retire() == []
