"""The report for people at a terminal: the verdict first, then what is behind it. Reads only the document."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from reports.document import Document
from reports.terminal_parts import bandwidth, errors, health, join_phases, migrations, quality
from reports.terminal_style import MARKS, STYLES, plain
from reports.terminal_targets import scorecard, unjudged


def print_report(document: Document, console: Console) -> None:
    """Print the document, fitted to the console's width."""
    for block in _blocks(document, console.width):
        console.print(block)


def _blocks(document: Document, width: int) -> Iterable[RenderableType]:
    yield headline(document)
    sections: tuple[tuple[str, RenderableType | None], ...] = (
        ("Targets", scorecard(document, width)),
        ("", unjudged(document)),
        ("Time to join", join_phases(document, width)),
        ("Quality", quality(document)),
        ("Migrations", migrations(document, width)),
        ("Bandwidth", bandwidth(document)),
        ("Errors", errors(document)),
        ("Generator", health(document)),
        ("Notes", _notes(document)),
    )
    if not document["verdict"]["measured"]:  # then what went wrong is all there is to say
        sections = (*(s for s in sections if s[0] == "Errors"), *(s for s in sections if s[0] != "Errors"))
    for title, body in sections:
        if body is not None:
            yield _section(title, body)


def _section(title: str, body: RenderableType) -> RenderableType:
    parts = [Text(title, style="bold")] if title else []
    return Padding(Group(*parts, Padding(body, (0, 0, 0, 2))), (1, 0, 0, 0))


def headline(document: Document) -> Text:
    """One sentence that is the verdict, one that says of what."""
    verdict, run = document["verdict"], document["run"]
    mark, style, sentence = _sentence(document, verdict)
    text = Text.assemble((f"{mark} {sentence}", f"bold {style}"))
    duration = f"{run['duration_seconds']:.0f} s"
    judged = f" · {run['targets']} at {run['horizon']}" if run["targets"] else ""
    facts = f"{run['scenario']} against {run['target']} · {duration}{judged} · run {run['id']} · {run['started_at']}"
    return text.append(f"\n{plain(facts)}", style="dim")


def _sentence(document: Document, verdict: dict[str, Any]) -> tuple[str, str, str]:
    """Mark, style and words of the headline."""
    status, words = _outcome(document, verdict)
    mark, style = MARKS[status], STYLES[status]
    return mark, style, f"{words} (interrupted)" if document["run"]["interrupted"] else words


def _outcome(document: Document, verdict: dict[str, Any]) -> tuple[str, str]:
    if verdict["exit_code"] == 1:
        return "fail", "A bug in meetprobe: don't rely on these figures"
    if verdict["fail"]:
        return "fail", f"{_targets(verdict['fail'])} missed: {_counts(verdict)}"
    if not verdict["measured"]:
        return "inconclusive", "No verdict: nothing could be measured"
    if not document["health"]["trustworthy"]:
        return "inconclusive", "No verdict: the generator can't be trusted"
    if verdict["inconclusive"]:
        status = "pass" if verdict["exit_code"] == 0 and verdict["pass"] else "inconclusive"
        return status, f"No target missed: {_counts(verdict)}"
    return (
        ("pass", f"All targets met: {_counts(verdict)}") if verdict["pass"] else ("inconclusive", "Nothing was judged")
    )


def _targets(count: int) -> str:
    return f"{count} target{'' if count == 1 else 's'}"


def _counts(verdict: dict[str, Any]) -> str:
    named = (("fail", "failed"), ("pass", "proven"), ("inconclusive", "not proven yet"))
    return ", ".join(f"{verdict[key]} {words}" for key, words in named if verdict[key])


def _notes(document: Document) -> Text | None:
    notes = [plain(note) for note in document["notes"]]
    scales = {plain(f"{kpi['title']}: {kpi['scale']}") for kpi in document["kpis"] if kpi["scale"]}
    lines = [*notes, *sorted(scales)]
    return Text("\n".join(lines), style="dim") if lines else None
