"""The report as one page that needs nothing but itself: no script to be read, no network, no other file.

It opens from disk or as a mail attachment, fits telephones and A4, and follows the reader's choice of light or dark. With
JavaScript its tables sort and its charts tell what is under the pointer.
"""

from __future__ import annotations

from importlib import resources

from reports.document import Document
from reports.html_alerts import alerts
from reports.html_base import tag, text
from reports.html_browsers import browsers
from reports.html_calls import calls
from reports.html_connections import connections
from reports.html_distributions import distribution_charts
from reports.html_head import head
from reports.html_join import join_waterfall
from reports.html_migrations import migrations
from reports.html_people import participants, worst_frames
from reports.html_scorecard import scorecard
from reports.html_series import time_series
from reports.html_tables import all_figures, errors, health, topologies
from reports.words import headline

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"
"""Whatever a document says, the page loads nothing and sends nothing."""
_SECTIONS = (
    scorecard, alerts, join_waterfall, connections, calls, topologies, time_series, distribution_charts, migrations, participants,
    worst_frames, browsers, errors, health, all_figures,
)  # fmt: skip


def render_html(document: Document) -> str:
    """The page as a complete HTML document. Reads only the document."""
    sections = [render(document) for render in _SECTIONS]
    if not document["verdict"]["measured"]:  # then what went wrong is all there is to say
        sections.sort(key=lambda one: 'id="errors"' not in one[:30])
    title = f"{headline(document)[1]} · {document['run']['scenario']}"
    page = tag(
        "html",
        tag("head", _metadata(), tag("title", text(title)), tag("style", _part("report.css"))),
        tag("body", tag("main", head(document), *sections), tag("script", _part("report.js"))),
        lang="en",
    )
    return f"<!doctype html>\n{page}\n"


def _metadata() -> str:
    return (
        '<meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
    )


def _part(name: str) -> str:
    return (resources.files("reports") / "page" / name).read_text(encoding="utf-8")
