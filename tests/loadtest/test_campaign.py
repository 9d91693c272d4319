"""What a master knows of its campaign: added up from many reports, in memory that does not grow."""

from __future__ import annotations

import gc
import json
import random
import tracemalloc
from collections import Counter
from datetime import UTC, datetime
from itertools import count
from typing import Any

import jsonschema
import pytest

from loadtest.campaign import Campaign
from loadtest.harvest import Delta
from loadtest.judgement import judgement_of
from loadtest.series import COLUMNS
from probe.measure.summary import Summary
from reports.document import schema
from tests.loadtest.build import RTT, calls, delta, good_delta, report, settings, standing
from tests.reports.build import migration

START = datetime(2026, 11, 22, 9, 11, 31, 800_000, UTC)


def campaign(**changes: Any) -> Campaign:
    chosen = settings(**changes)
    judgement = judgement_of(chosen)
    return Campaign(chosen, judgement.profile, judgement.horizon, START, 1000.0)


def good() -> Campaign:
    """Two workers, an undisturbed run each, then the end."""
    found = campaign()
    found.take("hall_1", report(good_delta(), standing(3)), 1003.0)
    found.take("hall_2", report(good_delta(), standing(2)), 1003.5)
    for worker in ("hall_1", "hall_2"):
        found.take(worker, report(total=standing(0, packets=500), final=True), 1020.0)
    found.finish(1024.0)
    return found


def test_a_good_campaign_has_a_good_report() -> None:
    document = good().document()
    jsonschema.validate(document, schema())
    assert document["verdict"]["exit_code"] == 0
    assert document["run"] == {
        "id": "c0ffee", "started_at": "2026-11-22T09:11:31+00:00", "duration_seconds": 24.0, "scenario": "campaign",
        "target": "ws://127.0.0.1:8787/ws?…", "version": document["run"]["version"], "interrupted": False,
        "targets": "video-platform", "horizon": "6m",
    }  # fmt: skip
    assert document["metrics"]["join_success_ratio"]["count"] == 12
    assert document["health"]["trustworthy"]
    assert [one["worker"] for one in document["health"]["workers"]] == ["worker 1 (hall)", "worker 2 (hall)"]
    assert document["notes"] == [
        "headers only: 1000 packets read from their clear headers, 0.00 % of them authenticated, none refused",
        "driven by 2 workers",
    ]
    assert set(document["series"]) == set(COLUMNS)


def test_the_summary_does_not_depend_on_who_reports_first() -> None:
    parts = [delta([n / 7], failed=n % 3) for n in range(30)]
    expected = Summary()
    for part in parts:
        expected.merge(part.summary)
    for seed in range(3):
        found, mixed = campaign(), random.Random(seed).sample(parts, len(parts))
        for number, part in enumerate(mixed):
            found.take(f"hall_{number % 4}", report(part), 1000.0 + number)
        assert found.summary == expected


def test_totals_that_only_the_whole_campaign_knows() -> None:
    found = campaign()
    one, two = standing(1), standing(1)
    one.ledger.add_time("p2p", 30.0)
    two.ledger.add_time("sfu", 10.0)
    found.take("hall_1", report(Delta(presence=[(1001.0, 1), (1002.0, 1), (1004.0, -1)]), one), 1005.0)
    found.take("hall_2", report(Delta(presence=[(1003.0, 1)]), two), 1005.5)
    for _ in range(2):
        metrics = found.document()["metrics"]
        assert metrics["concurrent_participants_peak"]["max"] == 3.0
        assert metrics["p2p_usage_ratio"]["mean"] == 0.75
    assert found.live()["participants_peak"] == 3
    assert "p2p_usage_ratio" not in found.summary, "what is told does not go back into what is measured"


def test_another_campaigns_and_later_reports_do_not_count() -> None:
    found = campaign()
    found.take("hall_1", report(delta([0.1]), campaign="old"), 1001.0)
    found.take("hall_1", report(delta([0.1])), 1002.0)
    found.finish(1003.0)
    found.take("hall_1", report(delta([0.1])), 1004.0)
    found.tick(1005.0)
    found.worker_gone("hall_1", "it quit", 1005.0)
    live = found.live()
    assert (live["joins"], live["elapsed_seconds"], live["state"]) == (1, 3.0, "finished")
    assert found.document()["notes"] == ["2 reports of another campaign, or after the end, not counted"]


def test_a_damaged_report_is_an_error() -> None:
    with pytest.raises(ValueError, match="not a stored delta"):
        campaign().take("hall_1", report() | {"delta": {}}, 1001.0)


def test_a_busy_worker_makes_every_verdict_inconclusive() -> None:
    found = campaign()
    found.take("hall_1", report(good_delta(), standing()), 1001.0)
    found.take("hall_2", report(good_delta(), standing(lag=0.2)), 1001.0)
    document = found.document()
    assert document["verdict"]["exit_code"] == 4
    assert document["health"]["reasons"] == ["worker 2 (hall): event-loop lag p99 200 ms, limit 50 ms"]
    assert {kpi["status"] for kpi in document["kpis"]} == {"inconclusive", "not_judged"}
    assert not found.live()["trustworthy"]


def test_a_lost_worker_makes_every_verdict_inconclusive() -> None:
    found = campaign()
    joined = [(1000.5, 1), (1000.6, 1)]
    for worker in ("hall_1", "hall_2"):
        found.take(worker, report(good_delta(), standing(2)), 1001.0)
    found.take("hall_2", report(Delta(presence=joined), standing(2)), 1001.5)
    found.worker_gone("hall_2", "nothing was heard of it any more", 1002.0)
    assert found.live()["participants"] == 2
    document = found.document()
    assert document["verdict"]["exit_code"] == 4
    assert document["health"]["reasons"] == ["worker 2 (hall): lost: nothing was heard of it any more"]
    assert document["errors"][0]["message"] == "lost: nothing was heard of it any more"


FOUR_CALLS = [0.04, 0.05, 0.09, 0.10]
"""Their mean is 70 ms, and the target 80. By Student's t for four meetings, 70 ms +- 2.3534 x 14.72 ms."""


def latency(found: Campaign) -> dict[str, Any]:
    """The row of the P2P round trip."""
    return next(kpi for kpi in found.document()["kpis"] if kpi["kpi"] == "p2p_latency")


def hear_four_calls(found: Campaign, *, known: bool = True) -> None:
    """Of two workers, who tell of 100 readings each in four reports."""
    found.take("hall_1", report(delta([0.3] * 5), standing(2)), 1001.0)
    for number in range(4):
        for worker, first in (("hall_1", 0), ("hall_2", 2)):
            told = calls(FOUR_CALLS[first : first + 2], readings=25, first=first)
            told.units = told.units if known else Delta().units
            found.take(worker, report(told, standing(2)), 1002.0 + number)


def test_a_mean_is_no_surer_than_the_meetings_of_all_workers_agree() -> None:
    found, independent = campaign(), campaign()
    hear_four_calls(found)
    hear_four_calls(independent, known=False)
    row, narrow = latency(found), latency(independent)
    assert (row["value"], row["count"]) == (pytest.approx(0.07), 400)
    assert (narrow["value"], narrow["count"], narrow["status"]) == (pytest.approx(0.07), 400, "pass")
    assert narrow["interval"] == pytest.approx([0.0679, 0.0721], abs=1e-4)
    assert row["interval"] == pytest.approx([0.035359, 0.104641], abs=1e-6)
    assert row["status"] == "inconclusive"
    assert row["evidence"].startswith("mean of 400 readings of 4 meetings, ")


def test_what_a_lost_worker_told_of_its_meetings_stays() -> None:
    found = campaign()
    hear_four_calls(found)
    before = latency(found)["interval"]
    found.worker_gone("hall_2", "nothing was heard of it any more", 1010.0)
    found.take("hall_1", report(Delta(), standing(2)), 1011.0)
    assert latency(found)["interval"] == before


def test_of_many_meetings_groups_are_kept() -> None:
    found = campaign()
    hear_four_calls(found)
    many = calls([0.05] * 1500, readings=1, first=10)
    found.take("hall_1", report(many, standing(2)), 1010.0)
    shares = found.slices.units.shares(RTT)
    assert 700 < len(shares) <= 1000
    assert sum(share.count for share in shares.values()) == 1900
    assert f"mean of 1900 readings of {len(shares)} meeting groups, " in latency(found)["evidence"]


def test_a_lost_engine_is_replaced_and_told() -> None:
    found = campaign()
    found.take("hall_1", report(Delta(presence=[(1000.5, 1), (1000.6, 1)]), standing(2)), 1001.0)
    loss = {"message": "was ended by SIGKILL", "crashed": False}
    found.take("hall_1", report(Delta(), standing(2), losses=[loss]), 1002.0)
    assert found.live()["participants"] == 0, "as it said last, they were two"
    found.take("hall_1", report(Delta(presence=[(1003.0, 1)]), standing(1), engine="e2"), 1004.0)
    live = found.live()
    assert (live["participants"], live["participants_peak"]) == (1, 2)
    assert live["errors"] == [
        {"phase": "process", "who": "worker 1 (hall)", "message": "was ended by SIGKILL", "count": 1}
    ]
    assert live["verdict"]["exit_code"] == 4


def test_bugs_come_first_and_decide() -> None:
    found = campaign()
    told = good_delta()
    told.errors = Counter({("join", "u1", "timeout"): 3})
    told.crashes = Counter({"ZeroDivisionError at a.py:1": 2})
    found.take("hall_1", report(told), 1001.0)
    found.add_bug("KeyError: 'x'")
    document = found.document()
    assert [(error["phase"], error["count"]) for error in document["errors"]] == [("bug", 2), ("bug", 1), ("join", 3)]
    assert document["verdict"]["exit_code"] == 1


def test_drops_and_retries_are_told() -> None:
    found, first = campaign(), START.timestamp() + 31.2
    found.take("hall_1", report(delta([0.1] * 3, retries=2, first_drop=first + 9)), 1001.0)
    found.take("hall_2", report(delta([0.1] * 3, retries=1, first_drop=first)), 1002.0)
    found.take("hall_1", report(delta([0.1] * 3, first_drop=first + 20)), 1003.0)
    assert found.document()["notes"][:2] == [
        "the first call was lost 31.2 s after the start, at 09:12:03 UTC",
        "3 of 9 joins were retries",
    ]
    assert found.live()["join_retries"] == 3


def test_live() -> None:
    found = campaign(participants=3)
    found.take("hall_1", report(good_delta(), standing(4)), 1002.5)
    live = found.live()
    json.dumps(live, allow_nan=False)
    figures = {
        name: live[name] for name in ("campaign", "state", "target", "participants", "meetings", "joins", "limit")
    }
    assert figures == {
        "campaign": "c0ffee", "state": "running", "target": "ws://127.0.0.1:8787/ws?…", "participants": 4,
        "meetings": 2, "joins": 6, "limit": None,
    }  # fmt: skip
    assert (live["joins_failed"], live["migrations"], live["migrations_failed"], live["drops"]) == (0, 4, 0, 0)
    assert live["join_p95_seconds"] == 0.35
    assert live["audio_quality_score"] == pytest.approx(4.885)
    assert live["send_bitrate_bps"] == 1_000_000.0
    assert live["series"]["time"] == [2.5]
    assert set(live["series"]) == set(COLUMNS)
    assert [worker["name"] for worker in live["workers"]] == ["worker 1 (hall)"]
    assert live["verdict"]["exit_code"] == 0
    assert found.live() is live, "nothing new, nothing worked out again"
    found.tick(1004.0)
    assert found.live()["elapsed_seconds"] == 4.0


def test_before_anything_was_told() -> None:
    found = campaign()
    live = found.live()
    assert (live["participants"], live["join_p50_seconds"], live["workers"]) == (0, None, [])
    assert live["verdict"]["exit_code"] == 4
    jsonschema.validate(found.document(), schema())


def find_limit(found: Campaign, speeds: list[float]) -> None:
    """Steps of 10 s in which joins take so long each."""
    found.take("hall_1", report(delta([0.5]), standing(10)), 1000.0)
    for number, speed in enumerate(speeds):
        begin = 1000.0 + 10 * number
        found.tick(begin + 5)
        found.take("hall_1", report(delta([speed] * 100), standing(10)), begin + 6)
        found.tick(begin + 10)


def test_a_search_is_judged_on_the_steps_that_held() -> None:
    found = campaign(shape="find-limit", step_users=10, step_time=10.0)
    search = found.search_limit(100)
    find_limit(found, [0.5, 0.5, 60.0])
    assert search.users == 30
    live = found.live()
    assert live["limit"]["held"] == 20
    assert live["limit"]["sentence"].startswith(
        "20 participants held all targets; at 30 join_time failed: p95 of 100 readings"
    )
    document = found.document()
    assert document["notes"][0] == live["limit"]["sentence"]
    assert document["metrics"]["join_duration_seconds"]["max"] == 0.5
    assert document["verdict"]["exit_code"] == 0
    assert live["joins"] == 301


def test_the_steps_that_held_are_judged_by_their_own_meetings() -> None:
    found = campaign(shape="find-limit", step_users=10, step_time=10.0)
    found.search_limit(100)
    found.take("hall_1", report(calls(FOUR_CALLS, readings=100), standing(10)), 1000.0)
    find_limit(found, [0.5])
    held = latency(found)
    assert held["evidence"].startswith("mean of 400 readings of 4 meetings, ")
    found.take("hall_1", report(calls([0.06] * 3, readings=50, first=7), standing(10)), 1016.0)
    assert len(found.slices.units.shares(RTT)) == 7
    assert latency(found) == held


def test_a_search_in_which_nothing_held_is_judged_on_all() -> None:
    found = campaign(shape="find-limit", step_users=10, step_time=10.0)
    found.search_limit(100)
    find_limit(found, [60.0])
    assert found.document()["verdict"]["exit_code"] == 3
    assert found.document()["notes"][0].startswith("no load held all targets; at 10 ")


def test_a_search_that_is_stopped_says_how_far_it_came() -> None:
    found = campaign(shape="find-limit", step_users=10, step_time=10.0)
    found.search_limit(100)
    find_limit(found, [0.5])
    found.finish(1012.0, interrupted=True)
    assert found.document()["notes"][0] == "10 participants held all targets; the search was stopped at 20"
    assert found.document()["run"]["interrupted"]


def reports(found: Campaign, numbers: Any) -> None:
    """Reports of new people with new troubles."""
    for number in numbers:
        told = delta([0.1 + number % 50 / 100], failed=number % 2)
        now = 1000.0 + 3 * number
        told.presence = [(now - 1, 1), (now - 0.5, -1)]
        told.merge(calls([0.05, 0.06], readings=2, first=2 * number))
        told.participants = [{"id": f"{number}", "name": f"u{number}", "joined": True, "drops": [], "error": None}] * 5
        told.participants.append({"id": f"{number}f", "joined": False, "error": f"trouble {number}"})
        told.migrations = [migration(number), migration(number, success=number % 3 > 0)]
        told.errors[f"phase {number % 5}", f"u{number}", f"trouble {number}"] += 1
        told.crashes[f"crash {number}"] += 1
        found.take(f"hall_{number % 4}", report(told, engine=f"e{number // 100}"), now)


def test_memory_stays_flat_however_long_it_runs() -> None:
    found, numbers = campaign(), count()
    reports(found, [next(numbers) for _ in range(800)])
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        reports(found, [next(numbers) for _ in range(800)])
        gc.collect()
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    document = found.document()
    assert grown < 2_000_000, f"{grown} bytes more after 800 more reports"
    assert len(document["participants"]) == 300
    assert len(document["migrations"]) == 300
    assert sum(error["count"] for error in document["errors"]) == 2 * 1600
    assert len(document["errors"]) < 1000
    assert len(document["series"]["time"]) <= 600
    assert any("not listed" in note for note in document["notes"])
