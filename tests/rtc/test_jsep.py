"""Offers and answers, without a network: two Jseps, and descriptions as other platforms write them."""

from __future__ import annotations

import random

import pytest

from probe.model.errors import NegotiationError
from probe.rtc.jsep import Jsep, LocalTransport
from probe.rtc.transceiver import Transceiver, new_sender
from probe.wire import extensions as ext
from probe.wire.sdp import Candidate, SessionDescription

PRINT = ":".join(["AB"] * 32)


def _jsep(name: str, *wanted: tuple[str, str], preferred: tuple[str, ...] = ()) -> Jsep:
    rng = random.Random(name)
    candidate = Candidate("1", 1, "udp", 2130706431, "127.0.0.1", 4000, "host")
    jsep = Jsep(
        LocalTransport(f"{name}frag", f"{name}-password-of-22-chars", [("sha-256", PRINT)], [candidate]), rng, preferred
    )
    for kind, direction in wanted:
        sender = new_sender((name, f"{name}-{kind}"), name, rng) if direction.startswith("send") else None
        jsep.transceivers.append(Transceiver(kind, direction, sender))
    return jsep


def _exchange(offerer: Jsep, answerer: Jsep) -> tuple[str, str]:
    offer = offerer.offer()
    answer = answerer.take_offer(offer)
    offerer.take_answer(answer)
    return offer, answer


BOTH = (("audio", "sendrecv"), ("video", "sendrecv"))


def test_an_exchange_agrees_on_everything() -> None:
    a, b = _jsep("a", *BOTH), _jsep("b", *BOTH)
    offer, answer = _exchange(a, b)
    for one, other in ((a, b), (b, a)):
        assert [t.mid for t in one.transceivers] == ["0", "1"]
        assert [t.current for t in one.transceivers] == ["sendrecv", "sendrecv"]
        assert [t.codec().name for t in one.transceivers] == ["opus", "VP8"]
        assert [t.rtx_payload_type() for t in one.transceivers] == [None, 97]
        for mine, theirs in zip(one.transceivers, other.transceivers, strict=True):
            assert theirs.sender is not None
            assert mine.remote_ssrcs == [theirs.sender.ssrc]
            assert mine.remote_msid == theirs.sender.msid
            assert mine.extension_id(ext.MID) == 1
            assert mine.extension_id(ext.ABS_CAPTURE_TIME) == 2
        video = other.transceivers[1].sender
        assert video is not None
        assert one.transceivers[1].remote_rtx == {video.rtx_ssrc: video.ssrc}
        assert one.remote is not None
        assert one.remote.candidates[0].port == 4000
        assert one.remote.end_of_candidates
    assert {s.setup for s in SessionDescription.parse(offer).sections} == {"actpass"}
    assert {s.setup for s in SessionDescription.parse(answer).sections} == {"active"}
    assert (a.dtls_role, b.dtls_role) == ("server", "client")


@pytest.mark.parametrize(
    ("setup", "answered", "role"),
    [("actpass", "active", "client"), ("active", "passive", "server"), ("passive", "active", "client")],
)
def test_dtls_roles(setup: str, answered: str, role: str) -> None:
    a, b = _jsep("a", *BOTH), _jsep("b", *BOTH)
    answer = b.take_offer(a.offer().replace("a=setup:actpass", f"a=setup:{setup}"))
    assert {s.setup for s in SessionDescription.parse(answer).sections} == {answered}
    assert b.dtls_role == role


def test_roles_stay_when_the_other_side_offers_anew() -> None:
    a, b = _jsep("a", *BOTH), _jsep("b", *BOTH)
    _exchange(a, b)
    answer = a.take_offer(b.offer().replace("a=setup:active", "a=setup:actpass"))
    assert (a.dtls_role, b.dtls_role) == ("server", "client")
    assert {s.setup for s in SessionDescription.parse(answer).sections} == {"passive"}


DIRECTIONS = ("sendrecv", "sendonly", "recvonly", "inactive")


@pytest.mark.parametrize("ours", DIRECTIONS)
@pytest.mark.parametrize("theirs", DIRECTIONS)
def test_directions_meet(ours: str, theirs: str) -> None:
    a, b = _jsep("a", ("audio", ours)), _jsep("b", ("audio", theirs))
    _exchange(a, b)
    one, other = a.transceivers[0], b.transceivers[0]
    assert one.sends == (ours.startswith("send") and theirs in ("sendrecv", "recvonly")) == other.receives
    assert one.receives == (ours in ("sendrecv", "recvonly") and theirs.startswith("send")) == other.sends


def test_an_answerer_without_transceivers_receives() -> None:
    a, b = _jsep("a", *BOTH), _jsep("b")
    _exchange(a, b)
    assert [t.current for t in b.transceivers] == ["recvonly", "recvonly"]
    assert [t.current for t in a.transceivers] == ["sendonly", "sendonly"]


def test_on_section_chooses_the_answer() -> None:
    a, b = _jsep("a", *BOTH), _jsep("b")
    b.on_section = lambda section: Transceiver(section.kind, "inactive" if section.kind == "video" else "recvonly")
    _exchange(a, b)
    assert [t.current for t in a.transceivers] == ["sendonly", "inactive"]


def test_the_offers_order_of_kinds_is_kept() -> None:
    a, b = _jsep("a", *reversed(BOTH)), _jsep("b", *BOTH)
    _, answer = _exchange(a, b)
    assert [s.kind for s in SessionDescription.parse(answer).sections] == ["video", "audio"]
    assert [(t.kind, t.mid, t.current) for t in b.transceivers] == [
        ("video", "0", "sendrecv"),
        ("audio", "1", "sendrecv"),
    ]


def test_what_the_offer_does_not_have_waits_for_our_own() -> None:
    a, b = _jsep("a", ("audio", "sendrecv")), _jsep("b", *BOTH)
    _exchange(a, b)
    assert [(t.kind, t.mid, t.current) for t in b.transceivers] == [("audio", "0", "sendrecv"), ("video", "", "")]
    _exchange(b, a)
    assert [(t.kind, t.mid, t.current) for t in b.transceivers] == [
        ("audio", "0", "sendrecv"),
        ("video", "1", "sendonly"),
    ]
    assert [(t.kind, t.mid, t.current) for t in a.transceivers] == [
        ("audio", "0", "sendrecv"),
        ("video", "1", "recvonly"),
    ]


def test_sections_are_added_freed_and_used_again() -> None:
    sfu, client = _jsep("sfu"), _jsep("client", *BOTH)
    for transceiver in client.transceivers:
        transceiver.direction = "sendonly"
    _exchange(client, sfu)
    rng = random.Random(1)
    for name in ("x", "y", "z"):
        if name != "z":
            sfu.transceivers.append(Transceiver("video", "sendonly", new_sender((name, "v"), "sfu", rng)))
        else:
            sfu.transceivers[2].direction = "sendonly"
            sfu.transceivers[2].sender = new_sender((name, "v"), "sfu", rng)
        _exchange(sfu, client)
        newest = sfu.transceivers[2 if name == "z" else -1]
        assert newest.sender is not None
        mirror = next(t for t in client.transceivers if t.mid == newest.mid)
        assert (mirror.current, mirror.remote_msid) == ("recvonly", (name, "v"))
        assert mirror.remote_ssrcs == [newest.sender.ssrc]
        if name == "y":
            sfu.transceivers[2].direction = "inactive"
            _exchange(sfu, client)
            assert client.transceivers[2].current == "inactive"
            assert client.transceivers[2].remote_ssrcs == []
    assert [t.mid for t in client.transceivers] == ["0", "1", "2", "3"]


def test_a_data_channel_is_refused_and_keeps_its_place() -> None:
    a, b = _jsep("a", *BOTH), _jsep("b", *BOTH)
    head, video, tail = a.offer().partition("m=video")
    channel = (
        "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=mid:data\r\na=sctp-port:5000\r\n"
        f"a=ice-ufrag:afrag\r\na=ice-pwd:{'p' * 22}\r\na=fingerprint:sha-256 {PRINT}\r\na=setup:actpass\r\n"
    )
    offer = head.replace("BUNDLE 0 1", "BUNDLE 0 data 1") + channel + video + tail
    answer = SessionDescription.parse(b.take_offer(offer))
    assert [(s.kind, s.mid, s.rejected) for s in answer.sections] == [
        ("audio", "0", False), ("application", "data", True), ("video", "1", False),
    ]  # fmt: skip
    assert answer.bundle == ["0", "1"]
    again = SessionDescription.parse(b.offer())
    assert [(s.kind, s.mid, s.rejected) for s in again.sections] == [
        (s.kind, s.mid, s.rejected) for s in answer.sections
    ]


def test_a_stopped_section_is_refused_in_the_answer() -> None:
    a, b = _jsep("a", *BOTH), _jsep("b", *BOTH)
    _exchange(a, b)
    first, video, rest = a.offer().partition("m=video 9")
    answer = SessionDescription.parse(b.take_offer(first.replace("BUNDLE 0 1", "BUNDLE 0") + "m=video 0" + rest))
    assert video
    assert [s.rejected for s in answer.sections] == [False, True]
    assert [t.kind for t in b.transceivers if t.receives] == ["audio"]


@pytest.mark.parametrize(
    ("preferred", "ours", "theirs", "agreed"),
    [
        (("H264",), ("VP8", "H264"), (), "H264"),
        (("VP8",), ("VP8", "H264"), (), "VP8"),
        ((), ("VP8", "H264"), ("H264",), "H264"),
        (("nothing",), ("VP8", "H264"), (), "VP8"),
    ],
)
def test_codecs_in_order_of_preference(
    preferred: tuple[str, ...], ours: tuple[str, ...], theirs: tuple[str, ...], agreed: str
) -> None:
    a, b = _jsep("a", ("video", "sendrecv"), preferred=preferred), _jsep("b", ("video", "sendrecv"), preferred=theirs)
    _exchange(a, b)
    assert a.transceivers[0].codec().name == b.transceivers[0].codec().name == agreed
    assert a.transceivers[0].rtx_payload_type() is not None


def test_payload_types_of_the_offer_are_used_both_ways() -> None:
    a, b = _jsep("a", *BOTH), _jsep("b", *BOTH)
    offer = a.offer()
    for ours, foreign in (("96", "120"), ("97", "121")):
        offer = (
            offer.replace(f":{ours} ", f":{foreign} ")
            .replace(f" {ours}", f" {foreign}")
            .replace(f"apt={ours}", f"apt={foreign}")
        )
    answer = SessionDescription.parse(b.take_offer(offer))
    assert b.transceivers[1].codec().payload_type == 120
    assert b.transceivers[1].rtx_payload_type() == 121
    assert {c.payload_type for c in answer.sections[1].codecs if c.name == "VP8"} == {120}


def _without(text: str, start: str) -> str:
    return "".join(line + "\r\n" for line in text.split("\r\n") if line and not line.startswith(start))


def test_transport_wide_feedback_is_agreed_on_for_both_kinds() -> None:
    a, b = _jsep("a", *BOTH), _jsep("b", *BOTH)
    _exchange(a, b)
    for transceiver in (*a.transceivers, *b.transceivers):
        assert transceiver.extension_id(ext.TRANSPORT_CC) == 3
        assert "transport-cc" in transceiver.codec().feedback


def test_what_the_other_side_does_not_offer_is_not_answered() -> None:
    a, b = _jsep("a", *BOTH), _jsep("b", *BOTH)
    offer = a.offer()
    answer = b.take_offer(_without(offer, "a=extmap:3").replace("transport-cc", "nothing-of-ours"))
    for section in SessionDescription.parse(answer).sections:
        assert sorted(section.extensions) == [1, 2]
        assert "transport-cc" not in section.codecs[0].feedback
    bare = _jsep("c", *BOTH).take_offer(_without(offer, "a=extmap"))
    assert [section.extensions for section in SessionDescription.parse(bare).sections] == [{}, {}]


def test_extension_ids_of_the_offer_hold_for_the_whole_bundle_and_what_we_add_to_it() -> None:
    a, b = _jsep("a", *BOTH), _jsep("b", *BOTH)
    theirs = {7: ext.MID, 5: ext.TRANSPORT_CC}
    offer = _without(a.offer(), "a=extmap:2")
    b.take_offer(offer.replace("a=extmap:1 ", "a=extmap:7 ").replace("a=extmap:3 ", "a=extmap:5 "))
    b.transceivers.append(Transceiver("video", "sendonly", new_sender(("b", "second"), "b", random.Random(3))))
    assert [section.extensions for section in SessionDescription.parse(b.offer()).sections] == [theirs] * 3


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda sdp: "", "unusable SDP"),
        (lambda sdp: "v=0\r\nrubbish", "unusable SDP"),
        (lambda sdp: sdp.replace("opus", "speex"), "no codec in common for audio: the other side has speex"),
        (lambda sdp: sdp.replace("VP8", "VP3").replace("H264", "H261"), "media.video.codec"),
        (lambda sdp: _without(sdp, "a=ice-ufrag"), "ICE credentials"),
        (lambda sdp: _without(sdp, "a=fingerprint"), "fingerprint"),
        (lambda sdp: sdp.partition("m=audio")[0], ""),
    ],
)  # fmt: skip
def test_offers_that_nothing_can_be_made_of(spoil: object, said: str) -> None:
    assert callable(spoil)
    with pytest.raises(NegotiationError, match=said or None) as failure:
        _jsep("b", *BOTH).take_offer(spoil(_jsep("a", *BOTH).offer()))
    assert failure.value.phase == "offer_answer"


def test_an_answer_must_fit_the_offer() -> None:
    a, b = _jsep("a", *BOTH), _jsep("b", ("audio", "sendrecv"))
    a.offer()
    with pytest.raises(NegotiationError, match="1 media sections, the offer had 2"):
        a.take_answer(b.take_offer(_jsep("c", ("audio", "sendrecv")).offer()))


def test_a_refused_section_of_an_answer_is_inactive() -> None:
    a, b = _jsep("a", *BOTH), _jsep("b", *BOTH)
    answer = b.take_offer(a.offer())
    head, _, tail = answer.partition("m=video 9")
    a.take_answer(head.replace("BUNDLE 0 1", "BUNDLE 0") + "m=video 0" + tail)
    assert [t.current for t in a.transceivers] == ["sendrecv", "inactive"]


def test_an_ice_restart_is_refused() -> None:
    a, b = _jsep("a", *BOTH), _jsep("b", *BOTH)
    _exchange(a, b)
    with pytest.raises(NegotiationError, match="ICE restart"):
        b.take_offer(a.offer().replace("afrag", "anew"))


def test_a_counter_offer_takes_the_place_of_ours() -> None:
    ours = _jsep("a", ("audio", "recvonly"), ("video", "recvonly"))
    ours.offer()
    theirs = _jsep("b", ("video", "sendonly"), ("audio", "sendonly"))
    theirs.take_answer(ours.take_offer(theirs.offer()))
    assert [(t.kind, t.mid, t.current) for t in ours.transceivers] == [
        ("video", "0", "recvonly"),
        ("audio", "1", "recvonly"),
    ]
    assert [t.current for t in theirs.transceivers] == ["sendonly", "sendonly"]


def test_versions_count_up_and_the_session_stays() -> None:
    a = _jsep("a", *BOTH)
    first, second = SessionDescription.parse(a.offer()), SessionDescription.parse(a.offer())
    assert first.session_id == second.session_id
    assert second.version == first.version + 1
