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
)  # fmt: skip
"""The header of `render_metrics_csv`; `tag` is empty for all samples together, else "name=value"."""

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
    """One row per metric, and one for each of its tag values."""
    run = document["run"]
    rows = []
    for name, figures in document["metrics"].items():
        for tag, part in (("", figures), *figures["by"].items()):
            rows.append((run["id"], run["started_at"], name, tag, *(part[column] for column in METRIC_COLUMNS[4:])))
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
