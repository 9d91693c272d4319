"""The report as CSV (RFC 4180): a row for each KPI, or a row for each metric. Figures are SI, as in the document."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from reports.document import Document

KPI_COLUMNS = (
    "run_id", "started_at", "scenario", "target_url", "targets", "horizon", "kpi", "title", "metric", "aggregate",
    "unit", "value", "comparison", "target", "interval_low", "interval_high", "confidence", "count", "status", "evidence",
)  # fmt: skip
"""The header of `render_csv`. New columns are added at its end only: people read files by position too."""
METRIC_COLUMNS = (
    "run_id", "started_at", "metric", "tag", "unit", "count", "mean", "min", "p50", "p95", "p99", "max",
    "browser_count", "browser_mean", "browser_difference",
)  # fmt: skip
"""The header of `render_metrics_csv`; `tag` is empty for all samples together, else "name=value". The last three are of real
browsers among the participants, the difference is theirs less ours."""
_FIGURES = METRIC_COLUMNS[4:-3]

Cell = str | int | float | None
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def render_csv(document: Document) -> str:
    """One row per KPI. A figure that is not known is an empty field."""
    run = document["run"]
    head = (run["id"], run["started_at"], run["scenario"], run["target"], run["targets"])
    rows = []
    for kpi in document["kpis"]:
        low, high = kpi["interval"] or (None, None)
        found = {**kpi, "interval_low": low, "interval_high": high}
        rows.append((*head, *(found[name] for name in KPI_COLUMNS[len(head) :])))
    return _csv(KPI_COLUMNS, rows)


def render_metrics_csv(document: Document) -> str:
    """One row per metric, and one for each of its tag values; with what browsers measured of the same, where they did."""
    run = document["run"]
    beside = {(row["metric"], row["tag"]): row for row in document.get("browsers") or ()}
    rows = []
    for name, figures in document["metrics"].items():
        for tag, part in (("", figures), *figures["by"].items()):
            theirs = beside.get((name, tag), {})
            browser = (theirs.get(key) for key in ("browser_count", "browser", "difference"))
            rows.append((run["id"], run["started_at"], name, tag, *(part[column] for column in _FIGURES), *browser))
    return _csv(METRIC_COLUMNS, rows)


def _csv(header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(header)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return text.getvalue()


def _cell(value: Cell) -> Cell:
    """A text that a spreadsheet would run as a formula gets an apostrophe before it: titles and evidence come from files
    and servers. RFC 4180 has no opinion, spreadsheets do."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
