"""What engines hand over adds up, and crosses pipes and messages unharmed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from loadtest.harvest import Delta, Standing
from probe.model.samples import Sample
from reports.units import Share, Units, UnitWant

WANT = UnitWant("round_trip_time_seconds", "topology=p2p")


def _delta(number: int, first_drop: float | None = None) -> Delta:
    delta = Delta(first_drop=first_drop, retries=number)
    delta.summary.add(Sample("join_duration_seconds", 0.5 * number, 1.0, {"topology": "p2p"}))
    delta.presence = [(float(number), 1)]
    delta.participants = [{"name": f"p{number}"}]
    delta.migrations = [{"success": True}]
    delta.unlisted["participants"] += number
    delta.errors["dtls_connected", "", "timeout"] += number
    delta.crashes["bug"] += 1
    delta.units = Units([WANT])
    for who in ("a", f"p{number}"):
        detail = {"who": who, "meeting": "m"}
        delta.units.add(Sample("round_trip_time_seconds", 0.25 * number, 1.0, {"topology": "p2p"}, detail))
    return delta


def _standing() -> Standing:
    standing = Standing(present=3)
    standing.health.loop_lag(0.25)
    standing.ledger.add_time("p2p", 1.5)
    standing.observed["packets"] += 7
    standing.networks["lte", "a survey"] += 2
    return standing


@pytest.mark.parametrize("delta", [Delta(), _delta(2, 1e9)])
def test_a_delta_comes_back(delta: Delta) -> None:
    assert Delta.from_dict(json.loads(json.dumps(delta.to_dict()))) == delta


@pytest.mark.parametrize(("drops", "first"), [((None, None), None), ((5.0, None), 5.0), ((5.0, 4.0), 4.0)])
def test_deltas_add_up(drops: tuple[float | None, float | None], first: float | None) -> None:
    whole = Delta()
    for number, drop in enumerate(drops, start=1):
        whole.merge(_delta(number, drop))
    durations = whole.summary.histogram("join_duration_seconds", "topology=p2p")
    assert durations is not None
    assert (durations.count, durations.mean) == (2, 0.75)
    assert whole.presence == [(1.0, 1), (2.0, 1)]
    assert [row["name"] for row in whole.participants] == ["p1", "p2"]
    assert whole.unlisted == {"participants": 3}
    assert whole.errors == {("dtls_connected", "", "timeout"): 3}
    assert (whole.crashes, whole.retries, whole.first_drop) == ({"bug": 2}, 3, first)
    assert whole.units.shares(WANT) == {"m\na": Share(2, 0.75), "m\np1": Share(1, 0.25), "m\np2": Share(1, 0.5)}


def test_a_standing_comes_back() -> None:
    found = Standing.from_dict(json.loads(json.dumps(_standing().to_dict())))
    assert found.to_dict() == _standing().to_dict()
    assert found.health.verdict().loop_lag_p99_seconds == 0.25


@pytest.mark.parametrize("kind", [Delta, Standing])
@pytest.mark.parametrize("damage", ["missing", "wrong"])
def test_damaged_data_is_refused(kind: type[Delta] | type[Standing], damage: str) -> None:
    whole: dict[str, Any] = (_delta(1) if kind is Delta else _standing()).to_dict()
    for name in whole:
        if name == "first_drop" and damage == "wrong":
            broken = whole | {name: "soon"}
        elif damage == "wrong":
            broken = whole | {name: 0.5 if isinstance(whole[name], (list, dict)) else "many"}
        else:
            broken = {key: value for key, value in whole.items() if key != name}
        with pytest.raises(ValueError, match="not a stored"):
            kind.from_dict(broken)
