"""Offers that Janus 1.1.2 made on one subscriber's connection: three feeds; two of them gone; a newcomer in their place."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from probe.rtc.jsep import Jsep, LocalTransport
from probe.wire.sdp import Candidate, SessionDescription

OFFERS: list[dict[str, Any]] = json.loads((Path(__file__).parent / "janus_offers.json").read_text())


def _answers() -> tuple[Jsep, list[SessionDescription], list[list[tuple[str, str, list[int]]]]]:
    """Our answers, and after each the (mid, direction, SSRCs) of the transceivers."""
    candidate = Candidate("1", 1, "udp", 2130706431, "127.0.0.1", 4000, "host")
    fingerprint = ("sha-256", ":".join(["AB"] * 32))
    jsep = Jsep(LocalTransport("frag", "a-password-of-22-chars", [fingerprint], [candidate]), random.Random(1))
    answers, states = [], []
    for offer in OFFERS:
        answers.append(SessionDescription.parse(jsep.take_offer("\r\n".join(offer["sdp"]))))
        states.append([(t.mid, t.current, list(t.remote_ssrcs)) for t in jsep.transceivers])
    return jsep, answers, states


def test_each_offer_is_answered_section_by_section() -> None:
    jsep, answers, _ = _answers()
    for offer, answer in zip(OFFERS, answers, strict=True):
        assert [section.mid for section in answer.sections] == [str(number) for number in range(6)]
        carried = [section.mid for section in answer.sections if section.direction == "recvonly"]
        assert carried == sorted(offer["tracks"])
        assert answer.bundle == [str(number) for number in range(6)]
        assert {section.setup for section in answer.sections} == {"active"}
    assert jsep.dtls_role == "client"


def test_sections_that_went_quiet_have_no_sources_and_get_new_ones_with_the_next_feed() -> None:
    _, _, (first, second, third) = _answers()
    assert [current for _, current, _ in first] == ["recvonly"] * 6
    assert [current for _, current, _ in second] == ["inactive"] * 4 + ["recvonly"] * 2
    assert [ssrcs for _, _, ssrcs in second[:4]] == [[], [], [], []]
    assert [current for _, current, _ in third] == ["recvonly"] * 2 + ["inactive"] * 2 + ["recvonly"] * 2
    assert first[0][2] == [1263736743]
    assert third[0][2] == [2781771004]
    assert first[4:] == second[4:] == third[4:]
