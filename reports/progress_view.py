"""Live progress on stderr: a table that redraws itself at a terminal, one line per step elsewhere, nothing when quiet."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from probe.model.progress import ParticipantNow, Progress
from reports.terminal_style import bar, new_table, plain, show

_MOST_ROWS = 16
_LINE_INTERVAL = 10.0
_BAR_CELLS = 24


class ProgressView:
    """A context manager whose `update` takes each Progress. `console` writes to stderr; `quiet` shows nothing."""

    def __init__(self, console: Console, *, quiet: bool = False) -> None:
        self._console = console
        self._quiet = quiet
        self._live = Live(console=console, transient=True, auto_refresh=False) if console.is_terminal else None
        self._told = ""
        self._told_at = -_LINE_INTERVAL

    def __enter__(self) -> Self:
        if self._live is not None and not self._quiet:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None and not self._quiet:
            self._live.stop()

    def update(self, progress: Progress) -> None:
        """Show it."""
        if self._quiet:
            return
        if self._live is not None:
            self._live.update(render_progress(progress), refresh=True)
        else:
            self._line(progress, time.monotonic())

    def _line(self, progress: Progress, now: float) -> None:
        """For logs: when the step changes, and every ten seconds."""
        if progress.step == self._told and now - self._told_at < _LINE_INTERVAL:
            return
        self._told, self._told_at = progress.step, now
        self._console.print(progress_line(progress), markup=False, highlight=False, soft_wrap=True)


def progress_line(progress: Progress) -> str:
    """ "12 s of about 25: measuring; 6 joined, 2 migrations" """
    return plain(f"{_time(progress)}: {progress.step}{_counts(progress)}")


def _time(progress: Progress) -> str:
    """A run that takes longer than planned says so: when it ends is then known to nobody."""
    elapsed = f"{progress.elapsed_seconds:.0f} s"
    if not progress.planned_seconds:
        return elapsed
    planned, late = f"{progress.planned_seconds:.0f}", progress.elapsed_seconds >= progress.planned_seconds + 1.0
    return f"{elapsed}, longer than the {planned} expected" if late else f"{elapsed} of about {planned}"


def _counts(progress: Progress) -> str:
    named = (
        (progress.joins, "joined"),
        (progress.joins_failed, "failed to join"),
        (progress.migrations, "migrations"),
        (progress.migrations_failed, "of them failed"),
    )
    parts = [f"{count} {words}" for count, words in named if count]
    return f"; {', '.join(parts)}" if parts else ""


def render_progress(progress: Progress) -> RenderableType:
    """The line, a bar, and who is where with which figures."""
    line = Text(progress_line(progress))
    if progress.planned_seconds:
        share = progress.elapsed_seconds / progress.planned_seconds
        line = Text.assemble((f"{bar(share, _BAR_CELLS):<{_BAR_CELLS}} ", "cyan"), line)
    if not progress.participants:
        return line
    table = new_table()
    table.add_column("")
    table.add_column("")
    for name in ("RTT", "loss", "fps", "video", "audio"):
        table.add_column(name, justify="right", no_wrap=True)
    for one in progress.participants[:_MOST_ROWS]:
        table.add_row(*_cells(one))
    hidden = max(0, len(progress.participants) - _MOST_ROWS) + progress.unlisted
    more = [Text(f"and {hidden} more participants", style="dim")] if hidden else []
    return Group(line, table, *more)


def _cells(one: ParticipantNow) -> list[Text]:
    style = {"failed": "red", "p2p": "green", "sfu": "blue"}.get(one.state, "yellow")
    frame_rate = show(one.frame_rate, "fps").removesuffix(" fps")
    figures = (
        show(one.round_trip_seconds, "seconds"),
        show(one.loss_ratio, "ratio"),
        frame_rate,
        show(one.video_score, "score"),
        show(one.audio_score, "score"),
    )
    return [Text(plain(one.participant)), Text(plain(one.state), style=style), *map(Text, figures)]
