"""Rows, the verdict, the document and what people see of it."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from rich.console import Console

from probe.calibrate.calibration import Calibration, Options
from probe.calibrate.document import SCHEMA, build_document
from probe.calibrate.rows import Row, RowWriter, all_ok
from probe.calibrate.terminal import print_calibration, show, worst_rows
from reports.jsonout import to_json

GOOD = Row("p, up", "jitter, audio", 0.010, 0.0101, 0.0003, "s")
BAD = Row("q, up", "jitter, audio", 0.010, 0.0104, 0.0003, "s")
EXACT = Row("q, up", "packets lost, audio", 7, 7, 0.0, "packets")


def calibration(*rows: Row, trustworthy: bool = True, errors: list[str] | None = None, **more: Any) -> Calibration:
    reasons = [] if trustworthy else ["event-loop lag p99 90 ms, limit 50 ms"]
    health = {"trustworthy": trustworthy, "reasons": reasons}
    return Calibration(Options(()), list(rows), health, errors or [], **more)


@pytest.mark.parametrize(
    ("truth", "measured", "tolerance", "ok"),
    [
        (7, 7, 0, True),
        (7, 8, 0, False),
        (0.1, 0.1 + 0.2 - 0.2, 0, True),
        (1.0, 1.01, 0.01, True),
        (1.0, 0.98, 0.01, False),
    ],
)
def test_a_row_is_right_within_its_tolerance(truth: float, measured: float, tolerance: float, ok: bool) -> None:
    row = Row("p", "r", truth, measured, tolerance)
    assert row.ok is ok
    assert row.error == measured - truth


def test_tolerances_add_up() -> None:
    rows: list[Row] = []
    writer = RowWriter("p", rows)
    writer.near("a", 0.2, 0.2, "s", within=0.001, share=0.01)
    writer.near("b", -5.0, 0.0, "s", share=0.1)
    writer.exact("c", 3, 3)
    assert [row.tolerance for row in rows] == pytest.approx([0.003, 0.5, 0.0])
    assert not all_ok(rows)
    assert rows[1].within(10.0)
    assert not rows[1].within(9.0)


@pytest.mark.parametrize(
    ("found", "verdict", "code"),
    [
        (calibration(GOOD, EXACT), "pass", 0),
        (calibration(GOOD, BAD), "fail", 3),
        (calibration(GOOD, BAD, trustworthy=False), "inconclusive", 4),
        (calibration(GOOD, trustworthy=False), "inconclusive", 4),
        (calibration(GOOD, errors=["satellite: not joined"]), "inconclusive", 4),
        (calibration(), "inconclusive", 4),
        (calibration(GOOD, bugs=["KeyError"]), "bug", 1),
    ],
)
def test_only_a_generator_that_is_well_judges(found: Calibration, verdict: str, code: int) -> None:
    assert (found.verdict, found.exit_code) == (verdict, code)


def test_the_document() -> None:
    found = calibration(GOOD, BAD)
    document = build_document(
        found, version="1", started_at="2026-01-01", duration_seconds=2.0, python="3.11", system="Linux x86_64"
    )
    read = json.loads(to_json(document))
    assert read["schema"] == SCHEMA == "meetprobe/calibration/1"
    assert set(read["rows"][0]) >= {"profile", "reading", "truth", "measured", "error", "tolerance", "ok"}
    assert [row["ok"] for row in read["rows"]] == [True, False]
    assert read["health"]["trustworthy"]
    assert read["exit_code"] == 3


def test_of_each_reading_the_worst_row_is_shown() -> None:
    gaps = [Row(f"p{n}", f"gap of a {n}00 ms blackout, audio", n, n, 0.02, "s") for n in (4, 9)]
    worst = worst_rows([GOOD, BAD, EXACT, Row("z", "packets lost, audio", 9, 9, 0), *gaps])
    assert [(row.profile, count) for row, count in worst] == [("q, up", 2), ("z", 2), ("p9", 2)]


def test_people_see_what_is_wrong() -> None:
    out = io.StringIO()
    print_calibration(calibration(GOOD, BAD), Console(file=out, width=150))
    assert "✗" in out.getvalue()
    assert "0.40 ms" in out.getvalue()
    assert "1 of 2 rows are right" in out.getvalue()
    out = io.StringIO()
    print_calibration(calibration(GOOD, trustworthy=False), Console(file=out, width=150), every=True)
    assert "nothing can be said" in out.getvalue()
    assert "event-loop lag" in out.getvalue()


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [(0.0123, "s", "12.30 ms"), (56_449, "bit/s", "56.45 kbit/s"), (3, "packets", "3 packets"), (1.5, "", "1.5000")],
)
def test_figures(value: float, unit: str, text: str) -> None:
    assert show(value, unit) == text
