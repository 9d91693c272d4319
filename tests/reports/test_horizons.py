"""The verdicts of all horizons."""

from __future__ import annotations

from probe.measure.summary import Summary
from reports.horizons import all_horizons
from reports.targets.profile import Profile
from reports.verdict import Grounds, judge
from tests.reports.build import attempts, kpi


def test_each_horizon_has_its_own_verdict() -> None:
    summary = Summary()
    attempts(summary, "join_success_ratio", 950, 1000, topology="p2p")
    row = kpi(targets={"now": 0.9, "3m": 0.95, "6m": 0.99})
    profile = Profile(profile="p", title="P", horizons=("now", "3m", "6m", "12m"), default_horizon="now", kpis=(row,))
    grounds = Grounds(summary, 10.0)
    (found,) = all_horizons(profile, {"row"}, grounds)
    assert found == {
        "now": {"target": 0.9, "status": "pass"},
        "3m": {"target": 0.95, "status": "inconclusive"},
        "6m": {"target": 0.99, "status": "fail"},
        "12m": {"target": None, "status": "not_judged"},
    }
    for horizon, one in found.items():
        assert judge(profile, horizon, {"row"}, grounds)[0].status == one["status"]
