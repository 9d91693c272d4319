"""Outcomes add up to what one process would have delivered."""

from __future__ import annotations

import json
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.engine.outcome import Outcome, in_order
from probe.engine.summing import merged
from tests.engine.build import outcome


def _comparable(one: Outcome) -> dict[str, Any]:
    found = one.to_dict()
    return found | {name: sorted(map(repr, found[name])) for name in found if isinstance(found[name], list)}


@pytest.mark.parametrize("order", list(permutations((1, 2, 3))))
def test_the_order_of_delivery_is_no_matter(order: tuple[int, ...]) -> None:
    found = _comparable(merged(outcome(number) for number in order))
    expected = _comparable(merged(outcome(number) for number in (1, 2, 3)))
    ledger, wanted = found.pop("ledger"), expected.pop("ledger")
    assert found == expected
    assert ledger["p2p_seconds"] == pytest.approx(wanted["p2p_seconds"], rel=1e-12)  # floats: all but their last bit
    assert ledger["pure"] == pytest.approx(wanted["pure"], rel=1e-12)


def test_everything_adds_up() -> None:
    total = merged([outcome(2), None, outcome(1)])
    assert total.summary.figures()["join_duration_seconds"]["count"] == 4
    assert total.summary.figures()["join_duration_seconds"]["by"]["topology=p2p"]["max"] == 0.4
    assert total.health.verdict().cpu_ratio == pytest.approx(0.15)
    assert total.ledger.pure.seconds == 1.5
    assert in_order(total.participants) == ({"id": "1a"}, {"id": "1b"}, {"id": "2a"}, {"id": "2b"})
    assert [row["meeting"] for row in in_order(total.migrations)] == ["m1", "m2"]
    assert total.errors == {
        ("dtls_connected", "u1", "timeout"): 1, ("dtls_connected", "u2", "timeout"): 2,
        ("signalling", "everybody", "gone"): 2,
    }  # fmt: skip
    assert total.crashes == {"ZeroDivisionError('x') at a.py:1": 2}
    assert total.networks == {("lte", "a survey"): 4}
    assert total.series.columns()["window_frame_rate"] == [None, None, 15.0]
    assert total.disturbed == {(5.0, "3 % loss"): 3}
    assert total.noticed == {(7.0, "selected pair changed: host/host to host/prflx"): 3}


def test_the_peak_is_that_of_all_processes_together() -> None:
    assert outcome(1).peak == 2
    assert merged([outcome(1), outcome(2)]).peak == 4  # 10 to 25 s and 20 to 35 s
    assert merged([outcome(1), outcome(3)]).peak == 2  # the peaks of two processes do not add
    assert Outcome().peak == 0


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(1, 20), st.integers(0, 3)), max_size=30))
def test_the_peak_by_counting(stays: list[tuple[int, int, int]]) -> None:
    """Stays of (begin, length) in one of four processes. Nobody comes at the moment at which another leaves."""
    parts = [Outcome() for _ in range(4)]
    for begin, length, process in stays:
        parts[process].presence += [(float(begin), 1), (begin + length + 0.5, -1)]
    for part in parts:
        part.presence.sort()
    most = max((sum(b <= t <= b + n for b, n, _ in stays) for t in range(51)), default=0)
    assert merged(parts).peak == most


def test_it_comes_back_from_json_exactly() -> None:
    sent = merged([outcome(1), outcome(2)])
    assert Outcome.from_dict(json.loads(json.dumps(sent.to_dict()))).to_dict() == sent.to_dict()
    assert Outcome.from_dict(Outcome().to_dict()).to_dict() == Outcome().to_dict()


@pytest.mark.parametrize(
    ("field", "damaged"),
    [
        ("summary", {"join_duration_seconds": {}}), ("health", {}), ("ledger", {"actual": 1}), ("presence", [[1.0]]),
        ("migrations", {"1": []}), ("participants", None), ("errors", [["a", 1]]), ("crashes", [1]), ("networks", 7),
    ],
)  # fmt: skip
def test_damage_is_seen(field: str, damaged: Any) -> None:
    with pytest.raises(ValueError, match="not a stored outcome"):
        Outcome.from_dict(outcome(1).to_dict() | {field: damaged})
    without = outcome(1).to_dict()
    del without[field]
    with pytest.raises(ValueError, match="not a stored outcome"):
        Outcome.from_dict(without)
