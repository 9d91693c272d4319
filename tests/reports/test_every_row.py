"""Every technical row of every profile is judged somewhere: in a run, over the history, or by a value from outside."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from probe.measure.summary import Summary
from probe.model.metrics import METRICS
from probe.model.not_in_a_run import NOT_IN_A_RUN
from reports.cadence.build import build
from reports.cadence.grounds import OVER_HISTORY
from reports.cadence.material import gather
from reports.cadence.period import period_of
from reports.store.history import Wanted
from reports.targets.external import parse_external
from reports.targets.files import load_profile, profile_names
from reports.targets.profile import Kpi, Profile
from tests.reports.build import attempts
from tests.reports.cadence.build import UNTIL, run
from tests.reports.store.build import END, history, night

ROOT = Path(__file__).parents[2]
ROWS = [(load_profile(name), kpi) for name in profile_names() for kpi in load_profile(name).kpis]
EVERY = pytest.mark.parametrize(("profile", "kpi"), ROWS, ids=[f"{profile.profile}-{kpi.id}" for profile, kpi in ROWS])


def where(kpi: Kpi) -> str:
    """What judges the row."""
    if kpi.selector is None:
        return "value"
    return "history" if kpi.selector.metric.name in OVER_HISTORY else "run"


@EVERY
def test_every_row_is_judged_somewhere_or_says_why_not(profile: Profile, kpi: Kpi) -> None:
    if where(kpi) == "run":
        assert kpi.selector is not None
        assert kpi.selector.metric.name not in NOT_IN_A_RUN, "no run has samples of it, and no history"
        assert is_made(kpi.selector.metric.name), "no module has a sample of it"
        assert kpi.not_judged or kpi.targets, "a row that is never judged says why"
    elif where(kpi) == "history":
        assert "probe report" in kpi.not_judged, "a run must say who judges it"
    else:
        assert kpi.not_measured
        (told,) = parse_external(f"name,value\n{kpi.id},1\n", profile, source="test")
        assert told.key == kpi.id


@pytest.mark.parametrize("name", profile_names())
def test_every_row_over_the_history_has_a_figure_in_a_period_report(tmp_path: Path, name: str) -> None:
    profile = load_profile(name)
    with history(tmp_path) as found:
        for number in range(7, 14):
            entry = night(number, nobody() if number in (9, 11) else run(), migrations=(), participants=())
            found.add(entry, entry.started_at + END)
            found.keep_responses(entry.id)
        material = gather(found, period_of("week", UNTIL), profile, Wanted())
    report = build(material, profile, profile.default_horizon, "engineering")
    told = {one.kpi: one for one in (*report.rows, *report.unjudged)}
    for kpi in profile.kpis:
        if where(kpi) == "history":
            assert told[kpi.id].value is not None, kpi.id
            assert (told[kpi.id].status == "not_judged") is (not kpi.targets), kpi.id
    figures = {kpi.id for kpi in profile.kpis} & set(told)
    titles = {one.title for one in report.unmeasured}
    assert all(kpi.id in figures or kpi.title in titles for kpi in profile.kpis), "no row goes missing"


def nobody() -> Summary:
    found = Summary()
    attempts(found, "join_success_ratio", 0, 4, topology="p2p")
    return found


def test_what_no_run_has_a_history_has() -> None:
    assert set(NOT_IN_A_RUN) == set(OVER_HISTORY)


MAKERS = sorted(
    path
    for place in (
        "probe/run.py",
        "probe/client",
        "probe/engine",
        "probe/measure",
        "reports/availability.py",
        "reports/store",
    )
    for path in ((ROOT / place).rglob("*.py") if (ROOT / place).is_dir() else (ROOT / place,))
)
"""Where samples are made, of runs and of histories."""


@cache
def source() -> str:
    return "\n".join(path.read_text(encoding="utf-8") for path in MAKERS)


def is_made(metric: str) -> bool:
    """Does any of them name it, or its two halves around what tells audio from video?"""
    halves = re.sub(r"_(?:audio|video)_", r"_\\{\\w+\\}_", metric)
    return re.search(f'"(?:{metric}|{halves})"', source()) is not None


def test_every_metric_is_made_somewhere() -> None:
    assert [metric for metric in METRICS if not is_made(metric)] == []
    assert not is_made("audio_made_up_ratio")
    assert not is_made("migration_audio_length_seconds")
