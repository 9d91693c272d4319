"""Descriptions in the manner of each peer, read and written; and what is wrong with broken ones."""

from __future__ import annotations

import pytest
from aiortc.sdp import SessionDescription as PeerDescription
from hypothesis import given, settings
from hypothesis import strategies as st

from probe.wire.sdp import (
    OUR_AUDIO,
    OUR_VIDEO,
    Candidate,
    Codec,
    MediaSection,
    SdpError,
    SessionDescription,
    SsrcSource,
    write_fragment,
)

FINGERPRINT = ":".join(f"{value:02X}" for value in range(32))
TRANSPORT = (
    f"a=ice-ufrag:Uf+1\na=ice-pwd:passwordpasswordpassword\na=fingerprint:sha-256 {FINGERPRINT}\na=setup:actpass\n"
)

BROWSER_OFFER = f"""v=0
o=- 4611731400430051336 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0 1 2
a=extmap-allow-mixed
a=msid-semantic: WMS 7e5f1c6e
m=audio 9 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110
c=IN IP4 0.0.0.0
a=rtcp:9 IN IP4 0.0.0.0
a=ice-options:trickle
{TRANSPORT}a=mid:0
a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level
a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid
a=sendrecv
a=msid:7e5f1c6e audio-track
a=rtcp-mux
a=rtcp-rsize
a=rtpmap:111 opus/48000/2
a=rtcp-fb:111 transport-cc
a=fmtp:111 minptime=10;useinbandfec=1
a=rtpmap:63 red/48000/2
a=fmtp:63 111/111
a=rtpmap:9 G722/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:13 CN/8000
a=rtpmap:110 telephone-event/48000
a=ssrc:3735928559 cname:abcDEF
a=ssrc:3735928559 msid:7e5f1c6e audio-track
m=video 9 UDP/TLS/RTP/SAVPF 96 97 103 104 39 40 98
c=IN IP4 0.0.0.0
a=rtcp:9 IN IP4 0.0.0.0
a=candidate:1467250027 1 udp 2122260223 192.0.2.7 46243 typ host generation 0 network-id 1 network-cost 10
a=candidate:1986380506 1 udp 1686052607 203.0.113.5 60000 typ srflx raddr 192.0.2.7 rport 46243 generation 0 ufrag Uf+1
a=candidate:435653019 1 tcp 1518280447 192.0.2.7 9 typ host tcptype active generation 0
a=end-of-candidates
{TRANSPORT}a=mid:1
a=extmap:3/recvonly http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01
a=extmap:13 urn:3gpp:video-orientation some attributes
a=sendonly
a=msid:7e5f1c6e video-track
a=msid:other video-track
a=rtcp-mux
a=rtpmap:96 VP8/90000
a=rtcp-fb:96 goog-remb
a=rtcp-fb:96 nack pli
a=rtcp-fb:* nack
a=rtpmap:97 rtx/90000
a=fmtp:97 apt=96
a=rtpmap:103 H264/90000
a=fmtp:103 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f
a=rtpmap:104 rtx/90000
a=fmtp:104 apt=103
a=rtpmap:39 AV1/90000
a=fmtp:39 level-idx=5;profile=0;tier=0
a=rtpmap:40 rtx/90000
a=fmtp:40 apt=39
a=rid:h send
a=rid:l send
a=simulcast:send h;l
a=ssrc-group:FID 1001 1002
a=ssrc:1001 cname:abcDEF
a=ssrc:1001 msid:7e5f1c6e video-track
a=ssrc:1002 cname:abcDEF
m=application 0 UDP/DTLS/SCTP webrtc-datachannel
c=IN IP4 0.0.0.0
a=bundle-only
a=mid:2
a=sctp-port:5000
"""


def browser_offer() -> SessionDescription:
    return SessionDescription.parse(BROWSER_OFFER.replace("\n", "\r\n"))


def test_session_lines() -> None:
    offer = browser_offer()
    assert (offer.session_id, offer.version) == (4611731400430051336, 2)
    assert offer.bundle == ["0", "1", "2"]
    assert [(section.kind, section.mid) for section in offer.sections] == [
        ("audio", "0"),
        ("video", "1"),
        ("application", "2"),
    ]


def test_audio_section() -> None:
    audio = browser_offer().section("0")
    assert audio.codecs[0] == Codec(
        111, "opus", 48000, 2, (("minptime", "10"), ("useinbandfec", "1")), ("transport-cc",)
    )
    assert audio.codecs[1].parameters == (("111/111", None),)
    assert [codec.payload_type for codec in audio.codecs] == [111, 63, 9, 0, 8, 13, 110]
    assert audio.msid == ("7e5f1c6e", "audio-track")
    assert audio.ssrcs == [SsrcSource(3735928559, "abcDEF", "7e5f1c6e audio-track")]
    assert audio.rtcp_mux
    assert audio.rtcp_rsize
    assert (audio.ice_ufrag, audio.ice_pwd, audio.ice_options) == ("Uf+1", "passwordpasswordpassword", ["trickle"])
    assert (audio.fingerprints, audio.setup) == ([("sha-256", FINGERPRINT)], "actpass")
    assert audio.transport_problem() is None


def test_video_section() -> None:
    video = browser_offer().section("1")
    assert video.formats == ["98"], "a payload type without rtpmap is kept, not invented"
    assert video.codecs[0].feedback == ("goog-remb", "nack pli", "nack")
    assert video.codecs[1].apt == 96
    assert video.direction == "sendonly"
    assert not video.rtcp_rsize
    assert video.extensions[3].endswith("transport-wide-cc-extensions-01")
    assert video.extensions[13] == "urn:3gpp:video-orientation"
    assert video.extension_directions == {3: "recvonly"}
    assert video.ssrc_groups == [("FID", (1001, 1002))]
    assert (video.rtx_ssrc(1001), video.rtx_ssrc(1002)) == (1002, None)
    assert video.msid == ("7e5f1c6e", "video-track")
    assert {"rid:h send", "simulcast:send h;l", "msid:other video-track"} <= set(video.other)


def test_bundle_only_section_is_not_rejected() -> None:
    application = browser_offer().section("2")
    assert application.port == 0
    assert not application.rejected
    assert application.formats == ["webrtc-datachannel"]
    assert not application.is_rtp


def test_bundle_only_outside_a_group_is_rejected() -> None:
    alone = BROWSER_OFFER.replace("a=group:BUNDLE 0 1 2", "a=group:BUNDLE 0 1")
    assert SessionDescription.parse(alone).section("2").rejected


def test_data_channel_can_be_answered_with_a_rejection() -> None:
    application = browser_offer().section("2")
    answer = SessionDescription([application.rejection()]).to_sdp()
    assert "m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\n" in answer
    assert "a=mid:2\r\n" in answer
    assert SessionDescription.parse(answer).section("2").rejected


def test_video_rejection_names_the_offered_formats() -> None:
    refused = browser_offer().section("1").rejection()
    assert refused.rejected
    assert refused.formats[:2] == ["96", "97"]
    assert "m=video 0 UDP/TLS/RTP/SAVPF 96 97 103 104 39 40 98\r\n" in SessionDescription([refused]).to_sdp()


def test_transport_collects_candidates_of_the_whole_bundle() -> None:
    """The browser lists candidates in any one section; ICE and DTLS attributes come from the first of the group."""
    offer = browser_offer()
    transport = offer.bundled_transport_section()
    assert transport.mid == "0"
    assert [candidate.type for candidate in transport.candidates] == ["host", "srflx", "host"]
    assert transport.candidates[0] == Candidate("1467250027", 1, "udp", 2122260223, "192.0.2.7", 46243, "host")
    assert (transport.candidates[1].related_address, transport.candidates[1].related_port) == ("192.0.2.7", 46243)
    assert transport.candidates[1].ufrag == "Uf+1"
    assert transport.candidates[2].tcp_type == "active"
    assert transport.end_of_candidates
    assert offer.section("0").candidates == [], "asking must not change the description"


def test_transport_of_a_rejected_first_section_moves_to_the_next() -> None:
    offer = browser_offer()
    offer.sections[0].port = 0
    assert offer.bundled_transport_section().mid == "1"
    offer.sections[1].port = 0
    offer.sections[2].bundle_only = False
    with pytest.raises(SdpError, match="every section is rejected"):
        offer.bundled_transport_section()


def test_candidates_named_in_every_section_count_once() -> None:
    offer = browser_offer()
    offer.sections[0].candidates = list(offer.sections[1].candidates)
    assert len(offer.bundled_transport_section().candidates) == 3


FOX_OFFER = f"""v=0
o=mozilla...THIS_IS_SDPARTA-99.0 7013219 0 IN IP4 0.0.0.0
s=-
t=0 0
a=sendrecv
a=fingerprint:sha-256 {FINGERPRINT}
a=fingerprint:sha-384 AB:CD
a=group:BUNDLE 0 1
a=ice-options:trickle
a=msid-semantic:WMS *
m=audio 52000 UDP/TLS/RTP/SAVPF 109
c=IN IP4 192.0.2.1
a=candidate:0 1 UDP 2122187007 0a1b2c3d-aaaa-bbbb-cccc-000000000001.local 52000 typ host
a=recvonly
a=ice-pwd:e8a1e8a1e8a1e8a1e8a1e8a1e8a1e8a1
a=ice-ufrag:7b1c
a=mid:0
a=rtcp-mux
a=setup:actpass
a=rtpmap:109 opus/48000/2
a=fmtp:109 maxplaybackrate=48000;stereo=1;useinbandfec=1
a=ssrc:77 cname:{{6a}}
m=video 0 UDP/TLS/RTP/SAVPF 120
c=IN IP4 0.0.0.0
a=bundle-only
a=mid:1
a=rtpmap:120 VP8/90000
a=fmtp:120 max-fs=12288;max-fr=60
a=ssrc:78 msid:{{s}} {{t}}
"""


def test_session_level_attributes_reach_the_sections() -> None:
    offer = SessionDescription.parse(FOX_OFFER)
    audio, video = offer.sections
    assert audio.fingerprints == video.fingerprints == [("sha-256", FINGERPRINT), ("sha-384", "AB:CD")]
    assert (audio.direction, video.direction) == ("recvonly", "sendrecv")
    assert audio.ice_options == ["trickle"]
    assert (audio.address, audio.port) == ("192.0.2.1", 52000)
    assert video.ice_ufrag is None, "a bundle-only section has no transport of its own"
    assert not video.rejected
    assert video.msid == ("{s}", "{t}"), "from a=ssrc msid where a=msid is missing"
    assert audio.candidates[0].transport == "udp"
    assert offer.bundled_transport_section(["1", "0"]).ice_ufrag == "7b1c"


SFU_ANSWER = """v=0
o=- 16 1 IN IP4 127.0.0.1
s=VideoRoom 1234
t=0 0
a=group:BUNDLE a v
a=ice-options:trickle
a=ice-lite
a=fingerprint:sha-256 AA:BB
m=audio 9 UDP/TLS/RTP/SAVPF 111
c=IN IP4 127.0.0.1
a=recvonly
a=mid:a
a=rtcp-mux
a=ice-ufrag:xy12
a=ice-pwd:zzzzzzzzzzzzzzzzzzzzzz
a=setup:active
a=rtpmap:111 opus/48000/2
a=candidate:1 1 udp 2015363327 127.0.0.1 21000 typ host
a=end-of-candidates
m=video 9 UDP/TLS/RTP/SAVPF 96 97
c=IN IP4 127.0.0.1
a=recvonly
a=mid:v
a=rtcp-mux
a=setup:active
a=rtpmap:96 VP8/90000
a=rtpmap:97 rtx/90000
a=fmtp:97 apt=96
m=audio 0 UDP/TLS/RTP/SAVPF 0
a=mid:old
"""


def test_ice_lite_answer_with_candidates_in_the_first_section_only() -> None:
    answer = SessionDescription.parse(SFU_ANSWER)
    transport = answer.bundled_transport_section()
    assert transport.ice_lite
    assert (transport.setup, transport.fingerprints) == ("active", [("sha-256", "AA:BB")])
    assert len(transport.candidates) == 1
    assert answer.section("old").rejected
    assert "a=ice-lite" in answer.to_sdp().split("m=")[0]


def test_several_bundle_groups_and_unknown_mids() -> None:
    text = SFU_ANSWER.replace("a=group:BUNDLE a v", "a=group:BUNDLE a gone\na=group:LS a v\na=group:BUNDLE v")
    answer = SessionDescription.parse(text)
    assert (answer.bundle, answer.more_bundles) == (["a"], [["v"]])
    assert SessionDescription.parse(answer.to_sdp()) == answer


def test_without_a_bundle_the_first_accepted_section_has_the_transport() -> None:
    answer = SessionDescription.parse(SFU_ANSWER.replace("a=group:BUNDLE a v\n", ""))
    assert [section.mid for section in answer.bundled_sections()] == ["a"]


@pytest.mark.parametrize("text", [BROWSER_OFFER, FOX_OFFER, SFU_ANSWER])
def test_written_and_read_again_is_the_same(text: str) -> None:
    description = SessionDescription.parse(text)
    written = description.to_sdp()
    assert SessionDescription.parse(written) == description
    assert written.endswith("\r\n")
    assert "\n" not in written.replace("\r\n", "")


def our_section(kind: str, mid: str) -> MediaSection:
    return MediaSection(
        kind, mid, codecs=list(OUR_AUDIO if kind == "audio" else OUR_VIDEO), msid=("s", f"t{mid}"),
        extensions={4: "urn:ietf:params:rtp-hdrext:sdes:mid"}, ice_ufrag="abcd", ice_pwd="p" * 22, ice_options=["trickle"],
        fingerprints=[("sha-256", FINGERPRINT)], setup="actpass", rtcp_mux=True, rtcp_rsize=True,
        ssrcs=[SsrcSource(1, "c", f"s t{mid}"), SsrcSource(2, "c")], ssrc_groups=[("FID", (1, 2))],
        candidates=[Candidate.parse("candidate:1 1 udp 2130706431 192.0.2.9 5000 typ host")], end_of_candidates=True,
    )  # fmt: skip


def test_another_implementation_reads_what_we_write() -> None:
    ours = SessionDescription([our_section("audio", "0"), our_section("video", "1")], ["0", "1"])
    theirs = PeerDescription.parse(ours.to_sdp())
    assert theirs.group[0].items == ["0", "1"]
    video = theirs.media[1]
    assert [codec.mimeType for codec in video.rtp.codecs] == ["video/VP8", "video/rtx", "video/H264", "video/rtx"]
    assert video.rtp.codecs[1].parameters == {"apt": 96}
    assert [(entry.type, entry.parameter) for entry in video.rtp.codecs[0].rtcpFeedback][:2] == [
        ("nack", None),
        ("nack", "pli"),
    ]
    assert video.ice is not None
    assert (video.ice.usernameFragment, video.ice.password) == ("abcd", "p" * 22)
    assert video.dtls is not None
    assert video.dtls.fingerprints[0].value == FINGERPRINT
    assert video.ice_candidates[0].ip == "192.0.2.9"
    assert video.msid == "s t1"
    assert video.rtp.headerExtensions[0].id == 4


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "not a session description"),
        ("<html>404</html>", "not a session description"),
        ("v=0\nrubbish", "line 2, 'rubbish'"),
        ("v=0\nm=video", "expected 'm=kind port protocol formats'"),
        ("v=0\nm=video x UDP/TLS/RTP/SAVPF 96", "port must be a number"),
        ("v=0\nm=video 9 UDP/TLS/RTP/SAVPF 200", "payload type must be a number from 0 to 127, not '200'"),
        ("v=0\nm=video 9 RTP/SAVPF 96\na=rtpmap:96 VP8", "rtpmap"),
        ("v=0\nm=video 9 RTP/SAVPF 96\na=rtpmap:96 VP8/fast", "clock rate must be"),
        ("v=0\nm=video 9 RTP/SAVPF 96\na=extmap:0 uri", "extension id must be"),
        ("v=0\nm=video 9 RTP/SAVPF 96\na=extmap:3/up uri", "'up' is no direction"),
        ("v=0\nm=video 9 RTP/SAVPF 96\na=ssrc:4294967296 cname:a", "SSRC must be"),
        ("v=0\nm=video 9 RTP/SAVPF 96\na=ssrc-group:FID", "ssrc-group"),
        ("v=0\nm=video 9 RTP/SAVPF 96\na=candidate:1 1 udp 5", "line 3, 'a=candidate:1 1 udp 5'"),
        ("v=0\nm=video 9 RTP/SAVPF 96\na=candidate:1 1 udp 5 ::1 99999 typ host", "candidate port"),
        ("v=0\nm=video 9 RTP/SAVPF 96\na=setup:both", "setup 'both'"),
        ("v=0\nm=video 9 RTP/SAVPF 96\na=fingerprint:sha-256", "fingerprint"),
        ("v=0\nm=video 9 RTP/SAVPF 96\na=mid:", "without a value"),
        ("v=0\nm=video 9 RTP/SAVPF 96\nc=IN", "c=IN IP4"),
        ("v=0\no=- abc", "session id"),
        ("v=0\nm=a 9 RTP/SAVPF 0\na=mid:x\nm=b 9 RTP/SAVPF 0\na=mid:x", "mid 'x' names more than one"),
        ("v=0\n" + "a=x\n" * 300_000, "the limit is"),
    ],
)
def test_malformed_descriptions_are_named(text: str, why: str) -> None:
    with pytest.raises(SdpError) as caught:
        SessionDescription.parse(text)
    assert why in str(caught.value)


def test_unknown_mid_says_which_there_are() -> None:
    with pytest.raises(SdpError, match=r"no section with mid 'z' \(there are: 0, 1, 2\)"):
        browser_offer().section("z")


def test_values_can_not_break_out_of_their_line() -> None:
    with pytest.raises(SdpError, match="line break"):
        SessionDescription([MediaSection("audio", "0\r\na=evil")]).to_sdp()


def test_transport_problems_in_words() -> None:
    section = our_section("video", "1")
    section.fingerprints = []
    assert section.transport_problem() == "video section '1' has no a=fingerprint: meetprobe speaks only DTLS-SRTP"
    section.ice_pwd = None
    assert "no ICE credentials" in str(section.transport_problem())


def test_trickle_fragment_there_and_back() -> None:
    section = our_section("audio", "0")
    read = SessionDescription.parse(write_fragment(section), fragment=True).section("0")
    assert (read.ice_ufrag, read.candidates, read.end_of_candidates) == ("abcd", section.candidates, True)


@pytest.mark.parametrize("prefix", ["", "candidate:", "a=candidate:"])
def test_candidate_with_and_without_prefix(prefix: str) -> None:
    text = "7 1 UDP 1677729535 2001:db8::1 1024 typ relay raddr 0.0.0.0 rport 0"
    candidate = Candidate.parse(prefix + text)
    assert candidate == Candidate("7", 1, "udp", 1677729535, "2001:db8::1", 1024, "relay", "0.0.0.0", 0)
    assert candidate.to_sdp() == "candidate:" + text.replace("UDP", "udp")
    assert Candidate.parse(candidate.to_sdp()) == candidate


ANSWERS = {
    "sendrecv": {"sendrecv": "sendrecv", "sendonly": "sendonly", "recvonly": "recvonly", "inactive": "inactive"},
    "sendonly": {"sendrecv": "recvonly", "sendonly": "inactive", "recvonly": "recvonly", "inactive": "inactive"},
    "recvonly": {"sendrecv": "sendonly", "sendonly": "sendonly", "recvonly": "inactive", "inactive": "inactive"},
    "inactive": dict.fromkeys(("sendrecv", "sendonly", "recvonly", "inactive"), "inactive"),
}


@pytest.mark.parametrize("offered", ANSWERS)
def test_answer_directions(offered: str) -> None:
    assert {wanted: MediaSection.answer_direction(offered, wanted) for wanted in ANSWERS} == ANSWERS[offered]


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_damaged_description_is_read_or_refused(data: st.DataObject) -> None:
    """Whatever is cut out, doubled or garbled: a description or an SdpError, and what was read can be written."""
    lines = BROWSER_OFFER.splitlines()
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(lines) - 1))
        line = lines[place]
        cut = data.draw(st.integers(0, len(line)))
        lines[place] = line[:cut] + data.draw(st.sampled_from(["", " ", ":", "/", "99999999999", "x", "\t-1", "²"]))
    try:
        description = SessionDescription.parse("\n".join(lines))
    except SdpError:
        return
    # What makes no sense in its section (an RTP attribute of a data channel) is not written; the rest is stable.
    written = SessionDescription.parse(description.to_sdp())
    assert SessionDescription.parse(written.to_sdp()) == written
    assert [section.mid for section in written.sections] == [section.mid for section in description.sections]
