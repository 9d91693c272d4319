"""The table of connections by their candidate types: rows, page and terminal say the same."""

from __future__ import annotations

import io
import re

from rich.console import Console

from probe.measure.summary import Summary
from reports.connections import PairRow, pair_rows
from reports.document import Document
from reports.html_connections import connections as html
from reports.terminal_connections import connections as terminal
from tests.reports.build import add


def _document(summary: Summary) -> Document:
    return {"metrics": summary.figures()}


def _run() -> Document:
    summary = Summary()
    add(summary, "connect_duration_seconds", [0.5], topology="p2p", pair="host/prflx")
    add(summary, "connect_duration_seconds", [0.25, 0.75], topology="sfu", pair="relay-tcp/host")
    return _document(summary)


def test_a_row_for_each_pair_the_most_frequent_first() -> None:
    assert pair_rows(_run()) == [PairRow("relay-tcp/host", 2, 0.5, 0.75), PairRow("host/prflx", 1, 0.5, 0.5)]


def test_page_and_terminal_show_them() -> None:
    cells = re.findall(r"<td[^>]*>(.*?)</td>", html(_run()))
    assert cells == ["relay-tcp/host", "2", "500 ms", "750 ms", "host/prflx", "1", "500 ms", "500 ms"]
    console = Console(width=80, file=io.StringIO(), record=True)
    table = terminal(_run())
    assert table is not None
    console.print(table)
    lines = [line.split() for line in console.export_text().splitlines()]
    assert lines[1:] == [
        ["relay-tcp/host", "2", "500", "ms", "750", "ms"],
        ["host/prflx", "1", "500", "ms", "500", "ms"],
    ]


def test_without_connections_there_is_nothing_to_show() -> None:
    assert html(_document(Summary())) == ""
    assert terminal(_document(Summary())) is None
