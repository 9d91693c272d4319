"""The report as Markdown, for the summary of a CI job ($GITHUB_STEP_SUMMARY) or a comment."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from reports.beside import TITLE, figures_of, name_of, readings_of
from reports.calls import HEADER, call_rows, errors_of, times_of
from reports.calls import TITLE as CALLS
from reports.document import Document
from reports.html_axis import lasting
from reports.words import UNKNOWN, headline, interval, plain, show, target

MAX_BYTES = 1024 * 1024
"""GitHub keeps no more of a step."""
_MARKS = {"pass": "✅", "fail": "❌", "inconclusive": "❔", "not_judged": "➖"}
_WORDS = {"pass": "met", "fail": "missed", "inconclusive": "not proven yet"}
_ORDER = ("fail", "inconclusive", "pass")
_MOST_ERRORS = 30
_MOST_CHARS = 400
"""Of one cell: 500 rows stay within MAX_BYTES."""
_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+!|~>-])")


def render_markdown(document: Document) -> str:
    """Verdict, facts, targets, errors. Everything that comes from outside is escaped."""
    status, sentence = headline(document)
    run, health = document["run"], document["health"]
    judged = [kpi for wanted in _ORDER for kpi in document["kpis"] if kpi["status"] == wanted]
    lines = [f"## {_MARKS[status]} {escaped(sentence)}", "", _facts(run), ""]
    if not health["trustworthy"]:
        lines += [f"**The generator can't be trusted:** {escaped('; '.join(health['reasons']))}", ""]
    lines += _table(("", "target for", "measured", "90 % interval", "must be", "evidence"), map(_row, judged))
    lines += _errors(document["errors"])
    lines += _calls(document)
    lines += _browsers(document.get("browsers") or ())
    lines += _unjudged([kpi for kpi in document["kpis"] if kpi["status"] == "not_judged"])
    lines += [f"- {escaped(note)}" for note in document["notes"]]
    return "\n".join(lines).rstrip("\n") + "\n"


def escaped(text: object) -> str:
    """`text` so that Markdown shows it as it is, in a table's cell too."""
    said = plain(text)
    said = said if len(said) <= _MOST_CHARS else f"{said[: _MOST_CHARS - 1]}…"
    said = said.replace("&", "&amp;").replace("<", "&lt;")
    return _SPECIAL.sub(r"\\\1", said).replace("\\>", "&gt;")


def _facts(run: dict[str, Any]) -> str:
    judged = f" · {run['targets']} at {run['horizon']}" if run["targets"] else ""
    facts = f"{run['scenario']} against {run['target']} · {lasting(run['duration_seconds'])}{judged} · run {run['id']}"
    return escaped(f"{facts} · {run['started_at']}")


def _row(kpi: dict[str, Any]) -> Sequence[str]:
    return (
        f"{_MARKS[kpi['status']]} {_WORDS[kpi['status']]}",
        f"**{escaped(kpi['title'])}**",
        escaped(show(kpi["value"], kpi["unit"])),
        escaped(interval(kpi)),
        escaped(target(kpi)),
        escaped(kpi["evidence"]),
    )


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Nothing without rows; a blank line after."""
    body = [f"| {' | '.join(row)} |" for row in rows]
    return [f"| {' | '.join(header)} |", f"|{' --- |' * len(header)}", *body, ""] if body else []


def _errors(found: Sequence[dict[str, Any]]) -> list[str]:
    rows = [
        (f"{one['count']}×", escaped(one["phase"]), escaped(one["who"]), escaped(one["message"]))
        for one in found[:_MOST_ERRORS]
    ]
    more = [f"and {len(found) - _MOST_ERRORS} more kinds", ""] if len(found) > _MOST_ERRORS else []
    return ["### Errors", "", *_table(("times", "phase", "who", "message"), rows), *more] if rows else []


def _calls(document: Document) -> list[str]:
    rows = [
        tuple(map(escaped, (row.title, row.count, *times_of(row), row.limited, errors_of(row))))
        for row in call_rows(document)
    ]
    return [f"### {CALLS}", "", *_table(HEADER, rows)] if rows else []


def _browsers(found: Sequence[dict[str, Any]]) -> list[str]:
    rows = [tuple(map(escaped, (name_of(row), *figures_of(row), readings_of(row)))) for row in found]
    return [f"### {TITLE}", "", *_table(("mean of", "browser", "ours", "difference", "readings"), rows)] if rows else []


def _unjudged(kpis: Sequence[dict[str, Any]]) -> list[str]:
    if not kpis:
        return []
    rows = [
        (
            escaped(kpi["title"]),
            escaped(show(kpi["value"], kpi["unit"])) if kpi["value"] is not None else UNKNOWN,
            escaped(kpi["evidence"]),
        )
        for kpi in kpis
    ]
    title = f"<details><summary>{len(rows)} more that this run does not judge</summary>"
    return [title, "", *_table(("target for", "here", "why"), rows), "</details>", ""]
