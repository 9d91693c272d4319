"""What only many runs can tell, and rows that look at their samples' times, over a week of stored nights."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from probe.measure.summary import Summary
from probe.model.validation import validate
from reports.cadence.build import build
from reports.cadence.grounds import NOT_KEPT, OVER_HISTORY, availability, standings
from reports.cadence.material import Material, gather
from reports.cadence.model import Cadence, Change, Mark
from reports.cadence.period import period_of
from reports.cadence.words import without_figure
from reports.store.history import Wanted
from reports.targets.files import load_profile
from reports.targets.profile import Profile
from tests.reports.build import attempts
from tests.reports.cadence.build import UNTIL, row, run, two_weeks
from tests.reports.store.build import END, STEADY, history, night, timed

CAMERA = load_profile("camera-traffic")
FACTORY = load_profile("agent-factory")


def nobody() -> Summary:
    found = Summary()
    attempts(found, "join_success_ratio", 0, 4, topology="p2p")
    return found


def stored(
    folder: Path, profile: Profile, changes: dict[int, dict[str, Any]] | None = None, *, twice: int = -1
) -> Material:
    """A week, night 7 to night 13, each stored two seconds after it ended; the one of `twice` came two more times."""
    with history(folder) as found:
        for number in range(7, 14):
            told: dict[str, Any] = {
                "migrations": (),
                "participants": (),
                "summary": run(),
                **(changes or {}).get(number, {}),
            }
            entry = night(number, told.pop("summary"), **told)
            for _ in range(3 if number == twice else 1):
                found.add(entry, entry.started_at + END + timedelta(seconds=2))
            found.keep_responses(entry.id)
        return gather(found, period_of("week", UNTIL), profile, Wanted(), until_now=True)


def camera(material: Material) -> Cadence:
    return build(material, CAMERA, "target", "engineering")


def test_the_quality_of_what_is_stored_is_judged(tmp_path: Path) -> None:
    found = camera(stored(tmp_path, CAMERA, twice=9))
    told = {
        name: row(found, f"data_{name}") for name in ("completeness", "accuracy", "freshness", "duplicates", "schema")
    }
    assert {name: (one.value, one.count, one.mark, one.status) for name, one in told.items()} == {
        "completeness": (1.0, 7, Mark.ON, "inconclusive"),
        "accuracy": (1.0, 7, Mark.ON, "inconclusive"),
        "freshness": (2.0, 7, Mark.ON, "pass"),
        "duplicates": (pytest.approx(2 / 9), 9, Mark.BELOW, "fail"),
        "schema": (1.0, 7, Mark.ON, "inconclusive"),
    }
    assert told["schema"].evidence == "7 of 7: 591 more attempts without a failure would prove it"
    assert told["schema"].interval is not None
    assert told["schema"].interval[0] == pytest.approx(0.72, abs=0.01)
    assert told["completeness"].trend == (1.0,) * 7
    assert next(one for one in found.data if one.dimension == "duplicates").value == told["duplicates"].value


def test_a_run_that_contradicts_itself_counts_for_the_quality_of_data_alone(tmp_path: Path) -> None:
    people = tuple({"id": str(number), "joined": True} for number in range(70))
    found = camera(stored(tmp_path, CAMERA, {8: {"participants": people}}))
    accuracy = row(found, "data_accuracy")
    assert found.counts.counted == 6
    assert accuracy.value is not None
    assert (accuracy.count, accuracy.value < 1.0) == (7, True)


def test_the_store_is_judged_by_what_was_written_and_by_what_is_read(tmp_path: Path) -> None:
    material = stored(tmp_path, FACTORY)
    found = row(build(material, FACTORY, "target", "engineering"), "database_response")
    written = sum(len_of(material.standing[one.id]) for one in material.runs)
    assert written >= 7 * 6
    assert len_of(material.reading) > 0
    assert found.count == written + len_of(material.reading)
    assert found.value is not None
    assert found.interval is not None
    assert found.status in ("pass", "fail", "inconclusive")


def len_of(summary: Summary) -> int:
    histogram = summary.histogram("store_response_seconds")
    return histogram.count if histogram is not None else 0


def test_a_report_on_the_past_has_nothing_of_today(tmp_path: Path) -> None:
    assert list(two_weeks(tmp_path, profile=FACTORY).reading) == []


def test_uptime_is_judged_even_where_nobody_ever_got_in(tmp_path: Path) -> None:
    shut = {number: {"summary": nobody()} for number in range(7, 14)}
    found = camera(stored(tmp_path, CAMERA, shut))
    uptime = row(found, "uptime")
    assert (uptime.value, uptime.count, uptime.mark, uptime.status) == (0.0, 7, Mark.BELOW, "fail")
    assert row(found, "frame_rate").status == "inconclusive"
    assert row(found, "recovery").evidence == "no outage ended in this period"
    assert ("no outage ended in this period", ["Mean time to recovery"]) in without_figure(found)


def test_calls_count_though_nobody_got_in(tmp_path: Path) -> None:
    """A platform that nobody reaches has no API either; the joins that it refused stand in its uptime."""

    def called(summary: Summary, good: int) -> dict[str, Any]:
        attempts(summary, "http_available_ratio", good, 4)
        return {"summary": summary}

    nights = {number: called(run(), 4) for number in range(7, 13)} | {13: called(nobody(), 0)}
    found = camera(stored(tmp_path / "one", CAMERA, nights))
    available = row(found, "api_availability")
    assert available.value == pytest.approx(24 / 28)
    assert (available.count, available.status, available.trend[-1]) == (28, "fail", 0.0)
    shut = camera(stored(tmp_path / "all", CAMERA, {number: called(nobody(), 0) for number in range(7, 14)}))
    assert (row(shut, "api_availability").value, row(shut, "api_availability").status) == (0.0, "fail")
    video = load_profile("video-platform")
    joins = build(stored(tmp_path / "joins", video, nights), video, "6m", "engineering")
    assert row(joins, "join_success").value == 1.0


def test_outages_between_the_runs(tmp_path: Path) -> None:
    material = stored(tmp_path, CAMERA, {9: {"summary": nobody()}, 12: {"summary": nobody()}})
    found = camera(material)
    day = 24 * 3600.0
    assert (row(found, "recovery").value, row(found, "recovery").mark) == (day, Mark.BELOW)
    assert row(found, "between_failures").value == 2 * day
    assert row(found, "uptime").value == pytest.approx(5 / 7)
    assert list(availability(material, material.period)) == sorted(OVER_HISTORY[:3])


def test_one_platform_s_outage_does_not_end_because_another_is_up(tmp_path: Path) -> None:
    down: dict[str, Any] = {"summary": nobody(), "target": "wss://staging"}
    up: dict[str, Any] = {"target": "wss://staging"}
    material = stored(tmp_path, CAMERA, {8: up, 10: down, 11: down, 12: down, 13: up})
    found = camera(material)  # the nights between are those of another platform, which never failed
    assert row(found, "recovery").value == 3 * 24 * 3600.0
    assert row(found, "uptime").value == pytest.approx(4 / 7)
    mixed = camera(stored(tmp_path / "mixed", CAMERA, {8: up, 9: down, 12: down, 13: up}))
    assert row(mixed, "recovery").value == 4 * 24 * 3600.0
    assert row(mixed, "between_failures").value is None


def test_who_is_called_off_before_anybody_got_in_says_nothing(tmp_path: Path) -> None:
    shut = nobody()
    attempts(shut, "http_available_ratio", 0, 4)
    called = {number: {"summary": run(), "interrupted": number == 9} for number in range(7, 14)}
    found = camera(stored(tmp_path, CAMERA, called | {9: {"summary": shut, "interrupted": True}}))
    assert (row(found, "uptime").value, row(found, "uptime").count) == (1.0, 6)
    assert row(found, "api_availability").count == 0


def test_what_the_reader_waits_for_is_of_the_period_that_reaches_up_to_now(tmp_path: Path) -> None:
    material = stored(tmp_path, FACTORY)
    ours, others = standings(material, material.period), standings(material, material.period.before)
    assert (material.reading in ours, others) == (True, [])
    assert len(ours) == 8


def test_an_alert_on_uptime_fires_over_the_history(tmp_path: Path) -> None:
    profile = load_profile("video-platform")
    found = build(stored(tmp_path, profile, {9: {"summary": nobody()}}), profile, "6m", "engineering")
    (fired,) = found.alerts
    assert (fired.severity, fired.title) == ("critical", "Platform uptime below 99 %")
    assert fired.value == pytest.approx(6 / 7)


def test_rows_that_nothing_here_measures_say_why(tmp_path: Path) -> None:
    found = camera(stored(tmp_path, CAMERA))
    assert [one.title for one in found.unmeasured] == [
        "CPU utilisation of the server",
        "GPU utilisation of the server",
        "Memory utilisation of the server",
    ]
    assert all("can be supplied" in one.reason for one in found.unmeasured)


# rows with after and over

STEADY_PROFILE = validate(Profile, STEADY, source="test")


def steady(folder: Path, change: Any) -> Cadence:
    return build(two_weeks(folder, change, STEADY_PROFILE), STEADY_PROFILE, "now", "engineering")


def test_slices_of_all_nights_are_judged_together(tmp_path: Path) -> None:
    """Last week all slices hold, this week one of eight does not."""

    def nights(number: int) -> dict[str, Any]:
        return {"slices": timed(*[0.02] * 7, 0.02 if number < 7 else 0.2).to_dict()}

    found = steady(tmp_path, nights)
    share, later = row(found, "rtt_steady"), row(found, "rtt_later")
    assert (share.value, share.before, share.count, share.target) == (7 / 8, 1.0, 56, 0.5)
    assert (share.unit, share.status, share.mark, share.change) == ("ratio", "pass", Mark.ON, Change.WORSE)
    assert share.title == "Round trip, steadily (5 s slices with max < 100 ms)"
    assert share.evidence == "49 of 56 slices, worst 200 ms"
    assert share.horizons == {"now": (0.5, Mark.ON)}
    assert share.trend == (7 / 8,) * 7
    assert later.value == pytest.approx(0.2)
    assert (later.count, later.status) == (56, "fail")


def test_a_row_says_how_many_runs_kept_their_samples_by_time(tmp_path: Path) -> None:
    found = steady(tmp_path / "some", lambda number: {"slices": timed(0.02).to_dict()} if number > 10 else {})
    assert row(found, "rtt_steady").evidence.endswith(" · 3 of 7 runs kept their samples by time")
    assert row(found, "rtt_later").count == 3
    none = steady(tmp_path / "none", lambda number: {})
    assert {(one.value, one.status, one.evidence) for one in none.rows} == {(None, "inconclusive", NOT_KEPT)}
    ((reason, titles),) = without_figure(none)
    assert (reason, len(titles)) == (NOT_KEPT, 2)


def test_a_rate_leaves_out_the_beginning_of_each_run(tmp_path: Path) -> None:
    """14 nights of 24 s, of which 22 count: two readings each."""
    rated = {**STEADY["kpis"][1], "aggregate": "rate", "targets": {"now": 1}}
    profile = validate(Profile, {**STEADY, "kpis": [rated]}, source="test")
    material = two_weeks(tmp_path, lambda number: {"slices": timed(0.02, 0.02).to_dict()}, profile)
    found = row(build(material, profile, "now", "engineering"), "rtt_later")
    assert found.value == found.before == pytest.approx(2 / 22)
