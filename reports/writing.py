"""All forms of a report, as files in a folder."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path

from probe.model.errors import ConfigError
from reports.csvout import render_csv, render_metrics_csv
from reports.document import Document
from reports.html import render_html
from reports.jsonout import to_json
from reports.junit import render_junit
from reports.markdown import render_markdown
from reports.openmetrics import render_openmetrics

RENDERERS: Mapping[str, Callable[[Document], str]] = {
    "report.json": to_json,
    "report.html": render_html,
    "kpis.csv": render_csv,
    "metrics.csv": render_metrics_csv,
    "junit.xml": render_junit,
    "summary.md": render_markdown,
    "metrics.prom": render_openmetrics,
}
"""By file name. The document itself comes first: whatever happens to the others, it is there."""


def write_all(document: Document, folder: Path, *, strict: bool = False) -> list[Path]:
    """Write every form into `folder`, each in one step: a reader finds the old file or the new one, never half of one.

    `strict`: targets that are not decided are errors in junit.xml. Raises ConfigError when a file can't be written."""
    renderers: Mapping[str, Callable[[Document], str]] = {
        **RENDERERS,
        "junit.xml": partial(render_junit, strict=strict),
    }
    return [write_text(folder / name, render(document)) for name, render in renderers.items()]


def write_text(path: Path, text: str) -> Path:
    """In one step. Raises ConfigError when it can't be written."""
    part = path.with_name(f".{path.name}-{os.getpid()}")
    try:
        part.write_text(text, encoding="utf-8", newline="")
        part.replace(path)
    except OSError as error:
        with suppress(OSError):  # where nothing can be written, nothing can be removed
            part.unlink(missing_ok=True)
        raise ConfigError(f"can't write there: {error.strerror}", who=str(path), hint="choose another --out") from error
    return path
