"""Settings and workers' reports as a master gets them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from loadtest.harvest import Delta, Standing
from loadtest.settings import Settings
from probe.measure.savings import SavingsLedger
from probe.measure.summary import Summary
from probe.model.samples import Sample
from probe.model.scenario_files import load_scenario
from reports.units import Units, UnitWant
from tests.reports.build import good_run

CAMPAIGN = "c0ffee"
RTT = UnitWant("round_trip_time_seconds", "topology=p2p")
WHOLE = ("concurrent_participants_peak", "p2p_usage_ratio", "cost_saving_ratio", "bandwidth_saving_ratio")


def settings(**changes: Any) -> Settings:
    scenario = load_scenario("campaign")
    fields: dict[str, Any] = {
        "url": "ws://user:secret@127.0.0.1:8787/ws?token=abc",
        "scenario": scenario,
        "mix": {"hybrid": 1.0},
        "targets": scenario.targets,
        "horizon": scenario.horizon,
        "campaign": CAMPAIGN,
    }
    return Settings(**{**fields, **changes})


def delta(joins: Iterable[float] = (), *, failed: int = 0, **changes: Any) -> Delta:
    """Joins that took so many seconds, and `failed` ones."""
    found = Delta(**changes)
    for seconds in joins:
        found.summary.add(Sample("join_success_ratio", 1.0, 1.0, {"topology": "p2p"}))
        found.summary.add(Sample("join_duration_seconds", seconds, 1.0, {"topology": "p2p"}))
    for _ in range(failed):
        found.summary.add(Sample("join_success_ratio", 0.0, 1.0, {"topology": "p2p"}))
    return found


def calls(means: Iterable[float], *, readings: int, first: int = 1) -> Delta:
    """Of P2P meetings with such round trips, from number `first` on; each has one who reads it so often."""
    found = Delta(units=Units([RTT]))
    for number, mean in enumerate(means, start=first):
        detail = {"meeting": f"room {number}", "who": "p1"}
        for _ in range(readings):
            sample = Sample(RTT.metric, mean, 1.0, {"topology": "p2p"}, detail)
            found.summary.add(sample)
            found.units.add(sample)
    return found


def good_delta() -> Delta:
    """Of an undisturbed run, every figure there but those that only the whole campaign knows."""
    told = {name: entry for name, entry in good_run().to_dict().items() if name not in WHOLE}
    return Delta(summary=Summary.from_dict(told))


def standing(present: int = 0, *, lag: float = 0.001, cpu: float = 0.25, packets: int = 0) -> Standing:
    found = Standing(present=present, ledger=SavingsLedger(), observed=Counter({"packets": packets} if packets else {}))
    found.health.loop_lag(lag)
    found.health.cpu(cpu)
    return found


def report(told: Delta | None = None, total: Standing | None = None, **changes: Any) -> dict[str, Any]:
    """A worker's payload."""
    fields: dict[str, Any] = {
        "campaign": CAMPAIGN,
        "engine": "e1",
        "delta": (told or Delta()).to_dict(),
        "total": (total or standing()).to_dict(),
        "losses": [],
        "final": False,
    }
    return {**fields, **changes}
