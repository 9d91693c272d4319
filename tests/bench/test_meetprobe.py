"""Rows from the documents of `probe capacity`, and how it is called."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from tests.bench import meetprobe
from tests.bench.meetprobe import VARIANTS, measure, row_of
from tests.bench.row import PeerFailed, Row

BY_NAME = {variant.name: variant for variant in VARIANTS}


def document(**changes: Any) -> dict[str, Any]:
    """As the command prints it."""
    return {
        "schema": "meetprobe/capacity/1",
        "participants": 100,
        "seconds": 10.0,
        "cpu_core_per_participant": 0.00107,
        "cpu_us_per_packet": 10.0,
        "join_cpu_seconds": 0.003,
        "rss_bytes_per_participant": 500_000.0,
        "packets_received": 107_000,
        "loop_lag_p99_seconds": 0.002,
        "trustworthy": True,
        "max_trusted_participants": 100,
        "native": True,
        "reasons": [],
        "errors": [],
    } | changes


def test_a_document_is_a_row() -> None:
    assert row_of(BY_NAME["meetprobe"], document()) == Row(
        "meetprobe",
        "every packet measured, from clear headers",
        100,
        cpu_us_per_packet=10.0,
        cpu_core_per_participant=0.00107,
        join_cpu_seconds=0.003,
        rss_bytes_per_participant=500_000.0,
        packets_per_second=107.0,
    )


def test_what_can_t_be_trusted_says_so() -> None:
    row = row_of(BY_NAME["meetprobe"], document(trustworthy=False, reasons=["loop lag 80 ms, limit 20 ms"]))
    assert row.note == "beyond its trust limits; loop lag 80 ms, limit 20 ms"


def test_a_missing_compiled_path_is_told_where_it_was_wanted() -> None:
    assert row_of(BY_NAME["meetprobe"], document(native=False)).note == "no compiled path here"
    assert row_of(BY_NAME["python"], document(native=False)).note == ""


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"schema": "meetprobe/report/1"}, "'meetprobe/report/1', not 'meetprobe/capacity/1'"),
        ({"cpu_us_per_packet": None, "errors": ["nobody joined"]}, "no figures: nobody joined"),
        ({"join_cpu_seconds": None}, "no figures: without a reason"),
    ],
)
def test_a_document_without_the_figures_is_a_failure(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(PeerFailed, match=said):
        row_of(BY_NAME["meetprobe"], document(**changes))


@pytest.mark.parametrize(
    ("name", "participants", "options", "environment"),
    [
        ("meetprobe", 100, [], {}),
        ("authenticated", 100, ["--authenticate", "1.0"], {}),
        ("python", 100, [], {"MEETPROBE_NATIVE": "0"}),
        ("processes", 100, ["--processes", "2"], {}),
        ("pictures", 8, ["--depth", "pictures", "--video", "640x360"], {}),
    ],
)
def test_the_command_of_a_variant(
    monkeypatch: pytest.MonkeyPatch, name: str, participants: int, options: list[str], environment: dict[str, str]
) -> None:
    called: list[tuple[list[str], dict[str, Any]]] = []

    def run(command: list[str], **how: Any) -> dict[str, Any]:
        called.append((command, how))
        return document(participants=participants)

    monkeypatch.setattr(meetprobe, "run_json", run)
    assert measure(BY_NAME[name], 100, 2.5).name == name
    [(command, how)] = called
    assert command[:2] == [sys.executable, "-c"]
    assert command[3:] == ["capacity", "--participants", str(participants), "--seconds", "2.5", "--json", *options]
    assert how["environment"] == environment
    assert how["codes"] == (0, 4)
    assert how["deadline"] > 2.5


def test_the_first_variant_is_what_the_others_are_compared_with() -> None:
    assert VARIANTS[0].name == "meetprobe"
    assert VARIANTS[0].options == ()
    assert len(BY_NAME) == len(VARIANTS)
