"""Evidence of several runs joined."""

from __future__ import annotations

from probe.measure.summary import Summary
from probe.model.result import RunResult
from probe.model.validation import validate
from reports.document import Document, build_document
from reports.store.pooling import Past, judged_with, pool
from reports.targets.files import load_profile
from reports.targets.profile import Profile
from tests.reports.build import BUSY, attempts, good_run, result
from tests.reports.store.build import STEADY, timed

PROFILE = load_profile("video-platform")


def build(one: RunResult) -> Document:
    return build_document(one, PROFILE, "6m")


def past(count: int) -> list[Past]:
    summary = good_run()
    attempts(summary, "join_success_ratio", 44, 44, topology="p2p")
    return [Past(str(number), 24.0, summary) for number in range(count)]


def row(document: Document, name: str) -> Document:
    found: Document = next(kpi for kpi in document["kpis"] if kpi["kpi"] == name)
    return found


def test_pooling_counts_every_sample_once() -> None:
    first, second = good_run(), Summary()
    attempts(second, "join_success_ratio", 2, 4)
    found = pool([first, second])
    joins = found.histogram("join_success_ratio")
    assert joins is not None
    assert (joins.count, joins.sum) == (10, 8.0)
    assert first == good_run(), "what is pooled stays as it is"


def test_six_joins_prove_nothing_but_six_and_many_nights_do() -> None:
    alone, together = build(result()), judged_with(past(3), result(), build, span="7d")
    assert row(alone, "join_success")["status"] == "inconclusive"
    joined = row(together, "join_success")
    assert (joined["status"], joined["count"]) == ("pass", 156)
    assert joined["evidence"].endswith(" · 4 runs pooled")
    assert together["verdict"]["pass"] > alone["verdict"]["pass"]
    assert sum(together["verdict"][s] for s in ("pass", "fail", "inconclusive", "not_judged")) == len(together["kpis"])
    assert together["notes"][-1] == (
        "verdicts rest on this run and 3 earlier runs of the same scenario, target and network within 7d"
    )


def test_slices_of_earlier_runs_count_too() -> None:
    steady = validate(Profile, STEADY, source="test")

    def judged(one: RunResult) -> Document:
        return build_document(one, steady, "now")

    today = result(slices=timed(0.02, 0.2).to_dict())
    earlier = [Past("kept", 24.0, good_run(), timed(*[0.02] * 8)), Past("kept none", 24.0, good_run())]
    together = judged_with(earlier, today, judged, span="7d")
    assert [row(judged(today), name)["count"] for name in ("rtt_steady", "rtt_later")] == [2, 2]
    assert [row(together, name)["count"] for name in ("rtt_steady", "rtt_later")] == [10, 10]
    assert row(together, "rtt_steady")["value"] == 0.9
    alone = judged_with(earlier[1:], today, judged, span="7d")
    assert "pooled" not in row(alone, "rtt_steady")["evidence"], "nothing was added to it"


def test_figures_and_unjudged_rows_stay_the_runs_own() -> None:
    together = judged_with(past(1), result(), build, span="7d")
    assert together["metrics"] == build(result())["metrics"]
    assert "pooled" not in row(together, "uptime")["evidence"]
    assert together["run"]["duration_seconds"] == 24.0


def test_without_a_past_nothing_changes() -> None:
    assert judged_with([], result(), build, span="7d") == build(result())


def test_no_past_makes_up_for_a_run_that_cannot_be_trusted() -> None:
    for one in (result(health=BUSY), result(Summary(), migrations=())):
        assert judged_with(past(3), one, build, span="7d") == build(one)


def test_a_past_that_failed_makes_the_run_fail() -> None:
    summary = good_run()
    attempts(summary, "join_success_ratio", 0, 40, topology="p2p")
    found = judged_with([Past("bad", 24.0, summary)], result(), build, span="7d")
    assert row(found, "join_success")["status"] == "fail"
    assert found["verdict"]["exit_code"] == 3
