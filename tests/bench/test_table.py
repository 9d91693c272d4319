"""What is printed."""

from __future__ import annotations

from io import StringIO

from rich.console import Console

from tests.bench.summary import Summary
from tests.bench.table import build, cells

PION = Summary(
    "pion",
    "every packet read and discarded",
    participants=100,
    rounds=3,
    cpu_us_per_packet=43.51,
    ratio=4.349,
    cpu_core_per_participant=0.00466,
    packets_per_second=107.02,
    join_cpu_seconds=0.00477,
    rss_bytes_per_participant=1_263_000,
    notes=("1 failed: exit code 1",),
)
JANUS = Summary("janus", "forwarded", participants=31, rounds=1, cpu_us_per_packet=50, ratio=2.5, reference="shim")
MISSING = Summary("chromium", problem="missing: apt-get install chromium")


def printed(width: int, *summaries: Summary) -> list[str]:
    console = Console(file=StringIO(), width=width)
    console.print(build(summaries))
    assert isinstance(console.file, StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def test_figures_have_their_units() -> None:
    assert cells(PION) == ["100", "43.5", "4.35 ×", "0.47 %", "107", "4.8 ms", "1.26 MB"]
    assert cells(JANUS) == ["31", "50.0", "2.50 ×", "–", "–", "–", "–"]


def test_the_table_fits_eighty_columns() -> None:
    lines = printed(80, PION, JANUS)
    assert " ".join(lines[0].split()) == "peer N µs/packet ratio core each packets/s join CPU memory"
    assert " ".join(lines[1].split()) == "pion 100 43.5 4.35 × 0.47 % 107 4.8 ms 1.26 MB"


def test_every_peer_says_what_it_did_and_a_missing_one_what_to_install() -> None:
    lines = printed(120, PION, JANUS, MISSING)
    assert "pion      every packet read and discarded; 1 failed: exit code 1" in lines
    assert "janus     forwarded; ratio to shim" in lines
    assert "chromium  missing: apt-get install chromium" in lines
    assert sum(line.startswith("chromium") for line in lines) == 1


def test_what_a_peer_says_does_not_steer_the_terminal() -> None:
    lines = printed(120, Summary("x", problem="failed: a\x1bb [red]c"))
    assert lines[-1] == "x  failed: a b [red]c"
