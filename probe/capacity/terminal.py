"""What was found, for people: a row for each point, then what it means."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.status import Status
from rich.table import Table
from rich.text import Text

from probe.capacity.figures import Point
from probe.capacity.measure import Capacity
from reports.terminal_style import MARKS, STYLES, UNKNOWN, new_table, plain, show

_COLUMNS = ("participants", "CPU each", "µs/packet", "loop lag p99", "pacing p99")
_MOST_ERRORS = 8


def print_capacity(found: Capacity, console: Console) -> None:
    """The whole of it."""
    work = found.options.work
    way = "peer to peer" if work.topology == "p2p" else "through the test SFU"
    console.print(
        Text(f"Meetings of {work.meeting_size} {way}, read at depth {work.depth}; each sends {work.sent}", "dim")
    )
    console.print(_table(found.points))
    console.print()
    for line in conclusion(found):
        console.print(line)


def _table(points: list[Point]) -> Table:
    table = new_table()
    table.add_column("")
    for name in _COLUMNS:
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("")
    for point in points:
        status = "pass" if point.trustworthy else "fail"
        verdict = ", ".join(dict.fromkeys(trouble.kind for trouble in point.troubles)) or "trusted"
        table.add_row(Text(MARKS[status], STYLES[status]), *cells(point), Text(plain(verdict), STYLES[status]))
    return table


def cells(point: Point) -> tuple[str, ...]:
    """A point's figures in the columns' order."""
    return (
        str(point.participants),
        _of(point.cpu_core_per_participant, lambda share: f"{100 * share:.3g} %"),
        _of(point.cpu_us_per_packet, lambda cost: f"{cost:.1f}"),
        show(point.loop_lag_p99_seconds, "seconds"),
        show(point.pacing_error_p99_seconds, "seconds"),
    )


def _of(value: float | None, text: Callable[[float], str]) -> str:
    return UNKNOWN if value is None else text(value)


def conclusion(found: Capacity) -> list[Text]:
    """In sentences: how many, what stops it, and under which conditions that was read."""
    lines = [_headline(found)]
    if found.limiting_factor:
        lines.append(Text(f"  limited by {plain(found.limiting_factor)}", STYLES["inconclusive"]))
    best = found.best
    if best is not None:
        lines.append(Text(f"  {_costs(best)}"))
        path = "compiled" if best.native else "pure Python"
        share = _of(best.authenticated_share, lambda share: f"{share:.3g}")
        lines.append(Text(f"  {path} packet path, {share} of the packets authenticated", "dim"))
    if best is not None and best.other_cpu_cores is not None and best.server_cpu_cores is not None:
        used = f"{best.cpu_cores:.2f} cores used, {best.server_cpu_cores:.2f} by the test server"
        lines.append(Text(f"  {used}, {best.other_cpu_cores:.2f} by others on this machine", "dim"))
    errors = dict.fromkeys(error for point in found.points for error in point.errors)
    lines += [Text(f"  {plain(text)}", "red") for text in [*found.bugs, *errors][:_MOST_ERRORS]]
    return lines


def _costs(point: Point) -> str:
    """What one participant costs beside its packets."""
    joining = f"a join costs {show(point.join_cpu_seconds, 'seconds')} of CPU"
    rate = _of(point.joins_per_second, lambda rate: f"{rate:.0f} joins/s reached")
    wait = f"95 % in within {show(point.join_seconds_p95, 'seconds')}"
    memory = _of(point.rss_bytes_per_participant, lambda size: f"{size / 1e6:.2f} MB")
    return f"{joining} ({rate}, {wait}), a participant {memory} of memory"


def _headline(found: Capacity) -> Text:
    most, processes = found.max_trusted, found.options.processes
    if found.bugs:
        return Text("✗ a bug in meetprobe: don't rely on these figures", "bold red")
    if most is None:
        tried = found.options.participants
        said = (
            "nothing could be measured within the limits"
            if tried is None
            else f"{tried} participants can't be trusted here"
        )
        return Text(f"✗ {said}", "bold red")
    where = "in one process" if processes == 1 else f"in {processes} processes"
    per_core = _of(found.per_core, lambda count: f"{count:.0f} per core")
    if found.options.participants is not None:
        return Text(f"✓ {most} participants {where} can be trusted ({per_core})", "bold green")
    text = Text(f"✓ up to {most} participants {where} can be trusted: {per_core}", "bold green")
    if processes < found.processors:
        hint = f"the whole machine: --processes {found.processors}"
        return text.append(f"  ({processes} of {found.processors} cores; {hint})", "dim")
    return text.append(", the whole machine", "bold green")


class Teller:
    """Progress on stderr: one line that changes at a terminal; elsewhere a line for each step and each point."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._status = Status("", console=console) if console.is_terminal and not console.quiet else None
        self._told = ""

    def __enter__(self) -> Self:
        if self._status is not None:
            self._status.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._status is not None:
            self._status.stop()

    def tell(self, line: str) -> None:
        """What is going on now."""
        if self._status is not None:
            self._status.update(Text(plain(line)))
        elif line != self._told:
            self._told = line
            self._console.print(plain(line), style="dim", markup=False, highlight=False, soft_wrap=True)

    def point(self, point: Point) -> None:
        """One more is measured."""
        figures = ", ".join(f"{name} {cell}" for name, cell in zip(_COLUMNS[1:], cells(point)[1:], strict=True))
        status = "pass" if point.trustworthy else "fail"
        reasons = "".join(f"; {plain(trouble.text)}" for trouble in point.troubles)
        line = Text.assemble(
            (f"{MARKS[status]} ", STYLES[status]), f"{point.participants} participants: {figures}{reasons}"
        )
        self._console.print(line, soft_wrap=True)
