"""What an m-section says about sources, and what is made of it."""

from __future__ import annotations

import random

from probe.rtc.transceiver import SenderInfo, Transceiver, default_codecs, new_sender, preferred_codecs
from probe.wire.sdp import OUR_AUDIO, OUR_VIDEO, MediaSection, SsrcSource


def test_remote_sources_and_their_retransmissions() -> None:
    section = MediaSection("video", "1", msid=("stream", "track"))
    section.ssrcs = [SsrcSource(10), SsrcSource(11), SsrcSource(20), SsrcSource(21)]
    section.ssrc_groups = [("FID", (10, 11)), ("FID", (20, 21)), ("SIM", (10, 20)), ("FID", (1, 2, 3))]
    transceiver = Transceiver("video", "recvonly")
    transceiver.take_remote(section)
    assert transceiver.remote_ssrcs == [10, 20]
    assert transceiver.remote_rtx == {11: 10, 21: 20}
    assert transceiver.remote_msid == ("stream", "track")
    transceiver.take_remote(MediaSection("video", "1"))
    assert not transceiver.remote_ssrcs
    assert not transceiver.remote_rtx
    assert not transceiver.remote_msid


def test_our_sources_are_written_where_we_send() -> None:
    sender = SenderInfo(1, 2, "name", ("s", "t"))
    for direction, written in (("sendrecv", True), ("sendonly", True), ("recvonly", False), ("inactive", False)):
        section = MediaSection("video", "0", direction=direction, codecs=list(OUR_VIDEO))  # type: ignore[arg-type]
        Transceiver("video", direction, sender).write_sources(section)
        assert section.ssrcs == ([SsrcSource(1, "name", "s t"), SsrcSource(2, "name", "s t")] if written else [])
        assert section.ssrc_groups == ([("FID", (1, 2))] if written else [])


def test_no_retransmission_source_without_its_codec() -> None:
    section = MediaSection("audio", "0", direction="sendonly", codecs=list(OUR_AUDIO))
    Transceiver("audio", "sendonly", SenderInfo(1, 2, "name", ("s", "t"))).write_sources(section)
    assert section.ssrcs == [SsrcSource(1, "name", "s t")]
    assert section.ssrc_groups == []
    assert section.msid == ("s", "t")


def test_codecs() -> None:
    transceiver = Transceiver("video", "sendrecv", codecs=[OUR_VIDEO[1], OUR_VIDEO[2], OUR_VIDEO[3]])
    assert transceiver.codec().name == "H264"
    assert transceiver.rtx_payload_type() == 103
    assert default_codecs("audio") == OUR_AUDIO
    assert default_codecs("video") == OUR_VIDEO


def test_directions() -> None:
    transceiver = Transceiver("audio", "sendrecv")
    assert (transceiver.sends, transceiver.receives) == (False, False)
    for current, sends, receives in (("sendrecv", True, True), ("sendonly", True, False), ("recvonly", False, True)):
        transceiver.current = current
        assert (transceiver.sends, transceiver.receives) == (sends, receives)


def test_senders_differ() -> None:
    rng = random.Random(3)
    made = [new_sender(("s", "t"), "name", rng) for _ in range(50)]
    assert len({ssrc for sender in made for ssrc in (sender.ssrc, sender.rtx_ssrc)}) == 100
    assert all(0 < sender.ssrc < 1 << 32 for sender in made)


def test_preferred_codecs_bring_their_retransmission_and_unknown_ones_change_nothing() -> None:
    assert [codec.name for codec in preferred_codecs("video", ("h264",))] == ["H264", "rtx"]
    assert preferred_codecs("video", ("h264",))[1].apt == preferred_codecs("video", ("h264",))[0].payload_type
    assert preferred_codecs("video", ("av1",)) == preferred_codecs("video", ()) == OUR_VIDEO
    assert preferred_codecs("audio", ("vp8",)) == OUR_AUDIO
