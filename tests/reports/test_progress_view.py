from __future__ import annotations

import io
from dataclasses import replace

from rich.console import Console

from probe.model.progress import ParticipantNow, Progress
from reports.progress_view import ProgressView, progress_line, render_progress

CALL = Progress(
    "measuring",
    12.3,
    25.0,
    (
        ParticipantNow("room-1", "a", "p2p", 0.0123, 0.025, 29.9, 4.62, 4.88),
        ParticipantNow("room-1", "\x1b[31mb", "ice_connected"),
    ),
    joins=6,
    joins_failed=1,
    migrations=2,
)


def test_the_line() -> None:
    assert progress_line(CALL) == "12 s of about 25: measuring; 6 joined, 1 failed to join, 2 migrations"
    assert progress_line(Progress("preparing media", 0.0)) == "0 s: preparing media"


def test_a_run_that_takes_longer_says_so() -> None:
    assert progress_line(Progress("measuring", 25.4, 25.0)) == "25 s of about 25: measuring"
    assert progress_line(Progress("measuring", 28.0, 25.0)) == "28 s, longer than the 25 expected: measuring"


def test_the_table_shows_who_is_where() -> None:
    console = Console(file=io.StringIO(), width=100)
    with console.capture() as captured:
        console.print(render_progress(CALL))
    text = " ".join(captured.get().split())
    assert "a p2p 12.3 ms 2.5 % 29.9 4.62 4.88" in text
    assert "b ice_connected – – – – –" in text
    assert "\x1b" not in text


def test_many_participants_are_cut() -> None:
    crowd = Progress("measuring", 1.0, None, tuple(ParticipantNow("r", f"p{n}", "sfu") for n in range(40)))
    console = Console(file=io.StringIO(), width=100)
    with console.capture() as captured:
        console.print(render_progress(crowd))
    assert "and 24 more participants" in captured.get()
    with console.capture() as captured:
        console.print(render_progress(replace(crowd, participants=crowd.participants[:3], unlisted=997)))
    assert "and 997 more participants" in captured.get()


def test_a_log_gets_one_line_per_step() -> None:
    stream = io.StringIO()
    with ProgressView(Console(file=stream, width=60)) as view:
        view.update(Progress("preparing media", 0.0))
        for _ in range(5):
            view.update(CALL)
    assert stream.getvalue().splitlines() == ["0 s: preparing media", progress_line(CALL)]


def test_a_terminal_is_redrawn_and_left_clean() -> None:
    stream = io.StringIO()
    with ProgressView(Console(file=stream, width=80, force_terminal=True)) as view:
        view.update(CALL)
    assert "ice_connected" in stream.getvalue()
    assert stream.getvalue().rstrip().endswith("\x1b[2K") or "\x1b[?25h" in stream.getvalue()


def test_quiet_says_nothing() -> None:
    stream = io.StringIO()
    with ProgressView(Console(file=stream, force_terminal=True), quiet=True) as view:
        view.update(CALL)
    assert stream.getvalue() == ""
