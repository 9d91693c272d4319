"""What a GitHub job shows of a run: annotations, one line of output each, and the step's summary."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from probe.model.errors import ConfigError
from reports.document import Document
from reports.markdown import MAX_BYTES, render_markdown
from reports.words import headline, plain, show, target

_MOST = 9
"""GitHub shows ten annotations of a kind of each step: the last says how many there are."""


def workflow_commands(document: Document) -> list[str]:
    """Workflow commands: an error for each missed target, a warning for each that is not proven, and an error when the run
    itself can't be relied on."""
    verdict, reasons = document["verdict"], document["health"]["reasons"]
    broken = verdict["exit_code"] == 1 or not verdict["measured"] or not document["health"]["trustworthy"]
    status, sentence = headline(document)
    lines = [command("error", sentence, "; ".join(reasons) or "see the report's errors")] if broken else []
    lines += _limited("error", [kpi for kpi in document["kpis"] if kpi["status"] == "fail"])
    if not broken:  # then all rows are undecided, for the one reason above
        lines += _limited("warning", [kpi for kpi in document["kpis"] if kpi["status"] == "inconclusive"])
    return lines or [command("notice", sentence, f"{plain(document['run']['scenario'])}: {status}")]


def command(level: str, title: str, message: str) -> str:
    """`::error title=…::…`, with what would end a property or a line escaped."""
    shown = _data(title).replace(":", "%3A").replace(",", "%2C")
    return f"::{level} title={shown}::{_data(message)}"


def _data(text: str) -> str:
    return plain(text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A"))


def _limited(level: str, kpis: list[dict[str, Any]]) -> list[str]:
    words = {"error": "missed", "warning": "not proven yet"}[level]
    lines = [
        command(
            level,
            f"{kpi['title']} {words}",
            f"{show(kpi['value'], kpi['unit'])}, target {target(kpi)}: {kpi['evidence']}",
        )
        for kpi in kpis[:_MOST]
    ]
    more = len(kpis) - _MOST
    return [*lines, command(level, "and more", f"{more} more targets {words}")] if more > 0 else lines


def append_summary(document: Document, environ: Mapping[str, str] = os.environ) -> Path | None:
    """Append the report to the file that $GITHUB_STEP_SUMMARY names; None where none is. Raises ConfigError when it can't be
    written."""
    name = environ.get("GITHUB_STEP_SUMMARY", "")
    if not name:
        return None
    path, text = Path(name), render_markdown(document)
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(text.encode()[: MAX_BYTES - 1].decode(errors="ignore"))
    except OSError as error:
        raise ConfigError(f"can't write there: {error.strerror}", who=f"GITHUB_STEP_SUMMARY {name}") from error
    return path
