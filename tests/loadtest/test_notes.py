"""What a reader of a campaign's figures has to know."""

from __future__ import annotations

from datetime import UTC, datetime

from loadtest.notes import Facts, notes_of

START = datetime(2026, 11, 22, 9, 11, 31, 800_000, UTC)


def test_nothing_to_say() -> None:
    assert notes_of(Facts("", START, None, 300, {}, {}, {}, 1, ("", ""))) == ()


def test_everything() -> None:
    facts = Facts(
        limit="40 participants held all targets; at 50 join_time failed: too slow",
        started_at=START,
        first_drop=START.timestamp() + 31.2,
        joins=300,
        counts={"retries": 12, "ignored": 1},
        observed={"packets": 1000, "authenticated": 10},
        networks={("lte", "a survey"): 20, ("fibre", ""): 5},
        workers=2,
        unlisted=("100 of 300 stays are not listed; all 3 that failed are", ""),
    )
    assert notes_of(facts) == (
        "40 participants held all targets; at 50 join_time failed: too slow",
        "the first call was lost 31.2 s after the start, at 09:12:03 UTC",
        "12 of 300 joins were retries",
        "headers only: 1000 packets read from their clear headers, 1.00 % of them authenticated, none refused",
        "emulated network lte for 20 participants (a survey)",
        "emulated network fibre for 5 participants",
        "driven by 2 workers",
        "100 of 300 stays are not listed; all 3 that failed are",
        "1 report of another campaign, or after the end, not counted",
    )
