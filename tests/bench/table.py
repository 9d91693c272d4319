"""What is printed at the terminal: the figures, and under them what each peer did for them."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from reports.terminal_style import UNKNOWN, new_table, plain
from tests.bench.row import REFERENCE
from tests.bench.summary import Summary

COLUMNS = ("N", "µs/packet", "ratio", "core each", "packets/s", "join CPU", "memory")
LEGEND = (
    f"N participants; µs/packet: CPU over packets received, sending included; ratio: of that, to {REFERENCE} in the same "
    "round; the rest is for each participant. Medians over the rounds."
)


def build(summaries: Sequence[Summary]) -> RenderableType:
    """Two tables, one line a peer in each; a peer without figures stands in the second alone."""
    return Group(_figures(summaries), Text(f"\n{LEGEND}\n", "dim"), _remarks(summaries))


def _figures(summaries: Sequence[Summary]) -> Table:
    table = new_table()
    table.add_column("peer", no_wrap=True)
    for name in COLUMNS:
        table.add_column(name, justify="right", no_wrap=True)
    for summary in summaries:
        if not summary.problem:
            table.add_row(summary.name, *cells(summary))
    return table


def cells(summary: Summary) -> list[str]:
    """The figures of a line, in the columns' order and units."""
    return [
        _shown(summary.participants, 1, "d"),
        _shown(summary.cpu_us_per_packet, 1, ".1f"),
        _shown(summary.ratio, 1, ".2f", " ×"),
        _shown(summary.cpu_core_per_participant, 100, ".2f", " %"),
        _shown(summary.packets_per_second, 1, ".0f"),
        _shown(summary.join_cpu_seconds, 1e3, ".1f", " ms"),
        _shown(summary.rss_bytes_per_participant, 1e-6, ".2f", " MB"),
    ]


def _shown(value: float | None, factor: float, form: str, unit: str = "") -> str:
    return UNKNOWN if value is None else f"{value * factor:{form}}{unit}"


def _remarks(summaries: Sequence[Summary]) -> Table:
    table = new_table(header=False)
    table.add_column("peer", no_wrap=True)
    table.add_column("remarks")
    for summary in summaries:
        table.add_row(summary.name, remarks(summary))
    return table


def remarks(summary: Summary) -> Text:
    """What was done with each packet and what else there is to know; or why there are no figures."""
    if summary.problem:
        return Text(plain(summary.problem), "yellow")
    text = Text(plain(summary.measured))
    if summary.reference not in (REFERENCE, summary.name):
        text.append(f"; ratio to {summary.reference}")
    for note in summary.notes:
        text.append(f"; {plain(note)}", "yellow")
    return text
