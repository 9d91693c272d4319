"""What offer and answer share."""

from __future__ import annotations

import pytest

from probe.wire.sdp import (
    OUR_AUDIO,
    OUR_VIDEO,
    Codec,
    MediaSection,
    SdpError,
    answer_extension_directions,
    answer_setup,
    h264_profile,
    negotiate_codecs,
    negotiate_extensions,
    rtx_for,
    usable_codecs,
)

MID = "urn:ietf:params:rtp-hdrext:sdes:mid"


def h264(payload_type: int, profile: str | None, mode: str | None = "1", asymmetry: str = "1") -> Codec:
    parameters: list[tuple[str, str | None]] = [("level-asymmetry-allowed", asymmetry)]
    parameters += [("packetization-mode", mode)] if mode is not None else []
    parameters += [("profile-level-id", profile)] if profile is not None else []
    return Codec(payload_type, "H264", 90000, parameters=tuple(parameters), feedback=("nack", "transport-cc"))


def rtx(payload_type: int, apt: int) -> Codec:
    return Codec(payload_type, "rtx", 90000, parameters=(("apt", str(apt)),))


def test_our_order_their_payload_types_and_only_the_rtx_that_repairs_them() -> None:
    offered = [
        h264(106, "42e01f"),
        rtx(107, 106),
        Codec(98, "VP9", 90000),
        rtx(99, 98),
        Codec(120, "vp8", 90000),
        rtx(124, 120),
    ]
    chosen = negotiate_codecs(offered, OUR_VIDEO)
    assert [(codec.payload_type, codec.name) for codec in chosen] == [
        (120, "vp8"),
        (124, "rtx"),
        (106, "H264"),
        (107, "rtx"),
    ]
    assert rtx_for(chosen, 120) == 124
    assert rtx_for(chosen, 98) is None


def test_rtx_without_its_codec_is_dropped() -> None:
    assert [codec.name for codec in negotiate_codecs([Codec(96, "VP8", 90000), rtx(97, 98)], OUR_VIDEO)] == ["VP8"]


def test_feedback_is_what_both_name() -> None:
    offered = [Codec(96, "VP8", 90000, feedback=("transport-cc", "nack pli", "nack"))]
    assert negotiate_codecs(offered, OUR_VIDEO)[0].feedback == ("nack", "nack pli", "transport-cc")


def test_opus_keeps_our_parameters_and_their_payload_type() -> None:
    offered = [Codec(109, "OPUS", 48000, 2, (("stereo", "1"),)), Codec(0, "PCMU", 8000)]
    assert negotiate_codecs(offered, OUR_AUDIO) == [Codec(109, "OPUS", 48000, 2, OUR_AUDIO[0].parameters)]
    assert negotiate_codecs([Codec(109, "opus", 48000, 1)], OUR_AUDIO) == [], "Opus is always opus/48000/2 (RFC 7587 7)"


def test_equal_profile_is_preferred() -> None:
    offered = [h264(100, "64001f"), h264(101, "42001f"), h264(102, "42e034", "0"), h264(103, "42c01f")]
    assert negotiate_codecs(offered, OUR_VIDEO)[0].payload_type == 103


@pytest.mark.parametrize(
    ("profile", "asymmetry", "answered"),
    [
        ("42e034", "1", "42e01f"),  # each side its own level
        ("42e034", "0", "42e01f"),  # else the lower one: ours
        ("42e00d", "0", "42e00d"),  # else the lower one: theirs
        ("640c1f", "1", "640c1f"),  # another profile is answered as offered
        (None, "1", "42001f"),  # RFC 6184 8.1: Baseline
    ],
)
def test_answered_profile_and_level(profile: str | None, asymmetry: str, answered: str) -> None:
    (chosen,) = negotiate_codecs([h264(100, profile, asymmetry=asymmetry)], OUR_VIDEO)
    assert chosen.parameter("profile-level-id") == answered
    assert chosen.parameter("packetization-mode") == "1"
    assert chosen.parameter("level-asymmetry-allowed") == asymmetry
    assert chosen.feedback == ("nack", "transport-cc")


@pytest.mark.parametrize("mode", ["0", None, "2"])
def test_other_packetization_modes_do_not_match(mode: str | None) -> None:
    assert negotiate_codecs([h264(100, "42e01f", mode)], OUR_VIDEO) == []


@pytest.mark.parametrize(
    ("profile", "name"),
    [
        ("42e01f", "constrained baseline"),
        ("42C02A", "constrained baseline"),
        ("4d801f", "constrained baseline"),
        ("58c01f", "constrained baseline"),
        ("42001f", "baseline"),
        ("58801f", "baseline"),
        ("4d001f", "main"),
        ("640c1f", "constrained high"),
        ("640028", "high"),
        ("f4001f", "unknown"),
        ("zz", "unknown"),
        ("42", "unknown"),
    ],
)
def test_profiles_of_rfc_6184_table_5(profile: str, name: str) -> None:
    assert h264_profile(h264(100, profile)) == name


def test_nothing_shared_is_said_in_words() -> None:
    section = MediaSection("video", "1", codecs=[Codec(98, "VP9", 90000), rtx(99, 98), Codec(45, "AV1", 90000)])
    with pytest.raises(SdpError) as caught:
        usable_codecs(section, OUR_VIDEO)
    assert str(caught.value) == "video (mid 1) offers only VP9, AV1; meetprobe speaks VP8, H264"
    with pytest.raises(SdpError, match=r"video offers only H264 \(packetization-mode 0, profile baseline\)"):
        usable_codecs(MediaSection("video", codecs=[Codec(98, "H264", 90000)]), OUR_VIDEO)
    with pytest.raises(SdpError, match="offers only no codec at all"):
        usable_codecs(MediaSection("video"), OUR_VIDEO)


def test_usable_codecs_are_the_negotiated_ones() -> None:
    section = MediaSection("video", codecs=list(OUR_VIDEO))
    assert usable_codecs(section, OUR_VIDEO) == list(OUR_VIDEO)


def test_extensions_keep_the_offers_ids() -> None:
    offered = {3: MID, 15: "urn:b", 300: "urn:b", 20: "urn:b", 5: MID, 7: "urn:unknown"}
    assert negotiate_extensions(offered, {MID, "urn:b"}) == {3: MID, 20: "urn:b"}


def test_extension_directions_are_mirrored() -> None:
    section = MediaSection(
        "video", extensions={3: MID, 4: "b", 5: "c"}, extension_directions={3: "recvonly", 4: "sendonly"}
    )
    assert answer_extension_directions(section, {3, 5}) == {3: "sendonly"}


def test_dtls_roles() -> None:
    assert [answer_setup("actpass"), answer_setup("active"), answer_setup("passive"), answer_setup(None)] == [
        "active",
        "passive",
        "active",
        "active",
    ]
