"""The alerts of the terminal report: only those that fire or may."""

from __future__ import annotations

from rich.text import Text

from reports.document import Document
from reports.terminal_style import plain

_STYLES = {"critical": "bold red", "warning": "yellow", "information": "", "risk": "yellow"}


def alerts(document: Document) -> Text | None:
    """A line per alert whose condition holds; None where none does."""
    lines = [
        Text.assemble(
            (f"{one['severity']}: ", _STYLES.get(one["severity"], "")),
            plain(one["title"]),
            (f" ({plain(one['condition'])}; {plain(one['reason'])}{_doubt(one['state'])})", "dim"),
        )
        for one in document.get("alerts", ())
        if one["state"] in ("firing", "suspected")
    ]
    return Text("\n").join(lines) if lines else None


def _doubt(state: str) -> str:
    return ", too few to be sure" if state == "suspected" else ""
