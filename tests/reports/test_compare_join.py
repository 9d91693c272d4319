"""Joins phase by phase, both sides of a comparison."""

from __future__ import annotations

from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from probe.measure.summary import Summary
from reports.compare import compare
from reports.compare_join import join_phases
from reports.compare_view import print_comparison
from reports.document import Document, build_document
from reports.targets.files import load_profile
from tests.reports.build import BUSY, add, attempts, result

FAST = {"signalling_connect": 0.01, "ice_connected": 0.03, "dtls_connected": 0.06}
SLOW = {"signalling_connect": 0.01, "room_join": 0.1, "ice_connected": 0.03, "dtls_connected": 0.26}


def run(phases: dict[str, float], **changes: Any) -> Document:
    """Twenty joins that scatter by a hundredth."""
    summary = Summary()
    attempts(summary, "join_success_ratio", 20, 20)
    for phase, seconds in phases.items():
        add(summary, "join_phase_seconds", [seconds * (0.99 + 0.02 * (n % 2)) for n in range(20)], phase=phase)
    if phases:
        add(summary, "join_duration_seconds", [sum(phases.values()) * (0.99 + 0.02 * (n % 2)) for n in range(20)])
    return build_document(result(summary, **changes), load_profile("video-platform"), "6m")


def printed(comparison: dict[str, Any], width: int = 100) -> list[str]:
    console = Console(width=width)
    with console.capture() as captured:
        print_comparison(comparison, console)
    return captured.get().splitlines()


def test_every_phase_of_either_side_in_the_order_of_a_join() -> None:
    found = compare([run(FAST)], [run(SLOW)])["join"]
    assert [(one["phase"], one["verdict"]) for one in found] == [
        ("signalling_connect", "same"), ("room_join", None), ("ice_connected", "same"), ("dtls_connected", "worse"), ("all", "worse"),
    ]  # fmt: skip
    assert [one["before"] for one in found] == pytest.approx([0.01, None, 0.03, 0.06, 0.1])
    assert [one["after"] for one in found] == pytest.approx([0.01, 0.1, 0.03, 0.26, 0.4])


def test_of_several_runs_the_mean() -> None:
    [first, *_] = join_phases([run({"signalling_connect": 0.01}), run({"signalling_connect": 0.03})], [run({})], [])
    assert first == {"phase": "signalling_connect", "before": pytest.approx(0.02), "after": None, "verdict": None}
    assert join_phases([run({})], [], []) == []


def test_the_verdict_is_that_of_the_mean_and_of_no_percentile() -> None:
    changes = [
        {"metric": "join_phase_seconds", "tag": "phase=signalling_connect", "figure": figure, "verdict": verdict}
        for figure, verdict in (("mean", "same"), ("p95", "worse"))
    ]
    [first, *_] = join_phases([run(FAST)], [run(FAST)], changes)
    assert first["verdict"] == "same"


def test_two_waterfalls_on_one_scale() -> None:
    lines = printed(compare([run(FAST)], [run(SLOW)]))
    start = next(place for place, line in enumerate(lines) if line.startswith("join, mean"))
    rows = {line[:12].strip(): line for line in lines[start + 1 : start + 6]}
    assert {name: line.split()[-2:] for name, line in rows.items()} == {
        "signalling": ["0", "ms"],
        "room": ["██████", "–"],
        "ICE": ["0", "ms"],
        "DTLS": ["+200", "ms"],
        "in all": ["+300", "ms"],
    }
    assert rows["DTLS"].split()[1:4] == ["60", "ms", "████"]
    assert "300 ms" not in rows["room"]
    head = lines[start]
    drawn = [rows[name].index("█", head.index("B")) for name in ("room", "DTLS")]
    assert drawn[1] - drawn[0] > 6, "a bar begins where those before it end"


@pytest.mark.parametrize("width", [40, 60, 67, 68, 100, 200])
def test_it_fits_the_terminal(width: int) -> None:
    lines = printed(compare([run(FAST)], [run(SLOW)]), width)
    start = next(place for place, line in enumerate(lines) if line.startswith("join, mean"))
    assert max(cell_len(line) for line in lines[start : start + 6]) <= width
    assert any("█" in line for line in lines) == (width >= 68)


def test_without_joins_on_both_sides_there_is_no_waterfall() -> None:
    for other in (run({}), run(FAST, health=BUSY)):
        assert not [line for line in printed(compare([run(FAST)], [other])) if line.startswith("join, mean")]
