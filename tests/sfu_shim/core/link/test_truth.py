from __future__ import annotations

import json
from random import Random

import pytest

from sfu_shim.core.link.impairment import Impairment, RandomLoss
from sfu_shim.core.link.link import Link
from sfu_shim.core.link.truth import MAX_STREAMS
from tests.sfu_shim.core.link.simulate import carry, rtp

STUN = b"\x00\x01" + bytes(18)
RTCP = b"\x80\xc8" + bytes(26)


def test_every_kind_is_counted_apart_and_in_total() -> None:
    link = Link(Impairment(delay=0.02), Random(1))
    carry(link, [(0.0, STUN), (0.1, RTCP), (0.2, rtp(0)), (0.3, rtp(0, ssrc=8)), (0.4, b"\x45")], late=0.001)
    truth = link.truth
    assert {kind: tally.delivered for kind, tally in truth.kinds.items()} == {
        "rtp": 2, "rtcp": 1, "stun": 1, "dtls": 0, "other": 1,
    }  # fmt: skip
    assert truth.total.delivered == 5
    assert sorted(truth.streams) == [7, 8]
    assert truth.kinds["rtcp"].delays.mean == pytest.approx(0.021)


def test_lateness_is_told() -> None:
    link = Link(Impairment(delay=0.02), Random(1))
    assert link.truth.lateness_p99 == 0.0
    carry(link, [(i * 0.01, rtp(i)) for i in range(100)], late=0.0004)
    assert link.truth.lateness_p99 == pytest.approx(0.0004, rel=0.01)


def test_streams_are_bounded() -> None:
    link = Link(Impairment(), Random(1))
    carry(link, [(i * 0.01, rtp(0, ssrc=i)) for i in range(MAX_STREAMS + 5)])
    assert len(link.truth.streams) == MAX_STREAMS
    assert link.truth.kinds["rtp"].delivered == MAX_STREAMS + 5


def test_json() -> None:
    link = Link(Impairment(loss=RandomLoss(0.5), duplicate=0.5), Random(1))
    link.blackout(5.0, 1.0)
    carry(link, [(i * 0.01, rtp(i)) for i in range(100)])
    told = json.loads(json.dumps(link.truth.to_dict()))
    assert told["blackouts"] == [[5.0, 6.0]]
    assert list(told["kinds"]) == ["rtp"]
    assert told["total"] == told["kinds"]["rtp"]
    assert told["streams"][0]["offered_packets"] == 100
    assert told["lateness"]["count"] == told["total"]["delivered_packets"]


def test_json_before_anything_happened() -> None:
    told = json.loads(json.dumps(Link(Impairment(), Random(1)).truth.to_dict()))
    assert told["streams"] == []
    assert told["lateness"]["p99_seconds"] is None
