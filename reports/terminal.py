"""The report for people at a terminal: the verdict first, then what is behind it. Reads only the document."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from reports import beside, words
from reports.calls import TITLE as CALLS
from reports.connections import TITLE as CONNECTIONS
from reports.document import Document
from reports.terminal_alerts import alerts
from reports.terminal_browsers import browsers
from reports.terminal_calls import calls
from reports.terminal_connections import connections
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
        ("Alerts", alerts(document)),
        ("Time to join", join_phases(document, width)),
        (CONNECTIONS, connections(document)),
        (CALLS, calls(document)),
        ("Quality", quality(document)),
        ("Migrations", migrations(document, width)),
        ("Bandwidth", bandwidth(document)),
        (beside.TITLE, browsers(document, width)),
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
    run, (status, sentence) = document["run"], words.headline(document)
    text = Text.assemble((f"{MARKS[status]} {sentence}", f"bold {STYLES[status]}"))
    duration = f"{run['duration_seconds']:.0f} s"
    judged = f" · {run['targets']} at {run['horizon']}" if run["targets"] else ""
    facts = f"{run['scenario']} against {run['target']} · {duration}{judged} · run {run['id']} · {run['started_at']}"
    return text.append(f"\n{plain(facts)}", style="dim")


def _notes(document: Document) -> Text | None:
    notes = [plain(note) for note in document["notes"]]
    scales = {plain(f"{kpi['title']}: {kpi['scale']}") for kpi in document["kpis"] if kpi["scale"]}
    lines = [*notes, *sorted(scales)]
    return Text("\n".join(lines), style="dim") if lines else None
