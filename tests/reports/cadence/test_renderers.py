"""The same report at a terminal, as Markdown and as a page: parsed back, for every audience."""

from __future__ import annotations

import dataclasses
import html.parser
import io
import re

import pytest
from rich.console import Console

from reports.cadence.audiences import AUDIENCES
from reports.cadence.markdown import render as to_markdown
from reports.cadence.model import Cadence
from reports.cadence.page import render as to_page
from reports.cadence.text import print_cadence
from reports.cadence.words import SECTIONS, interval
from reports.words import show
from tests.reports.cadence.build import eventful, report, two_weeks

EVERY = pytest.mark.parametrize("audience", sorted(AUDIENCES))
SPARK = "██·█·▁█"
_VOID = {"meta", "link", "br", "img", "input", "hr", "path", "circle"}


class Page(html.parser.HTMLParser):
    """Checks that elements are closed in order, and keeps what matters."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.sections: list[str] = []
        self.rows: dict[str, list[list[str]]] = {}
        self.links: list[str] = []
        self.polylines = 0
        self.text = ""
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        self.links += [str(value) for key, value in attrs if key in ("src", "href")]
        self.polylines += tag == "polyline"
        if tag == "section":
            self.sections.append(str(told["id"]))
        if tag == "tr":
            self.rows.setdefault(self.sections[-1], []).append([])
        if tag in ("td", "th"):
            self.rows[self.sections[-1]][-1].append("")
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in _VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text += data
        if "td" in self.open and "small" not in self.open and "title" not in self.open:
            self.rows[self.sections[-1]][-1][-1] += data


def terminal(found: Cadence, width: int = 140) -> str:
    out = io.StringIO()
    print_cadence(found, Console(file=out, width=width, color_system=None))
    return out.getvalue()


@pytest.fixture(scope="module")
def eventful_week(tmp_path_factory: pytest.TempPathFactory) -> Cadence:
    return report(two_weeks(tmp_path_factory.mktemp("week"), eventful))


def for_audience(found: Cadence, audience: str) -> Cadence:
    return dataclasses.replace(found, audience=audience)


@EVERY
def test_the_page_is_whole_and_asks_nobody_for_anything(eventful_week: Cadence, audience: str) -> None:
    page = to_page(for_audience(eventful_week, audience), "0.1.0")
    found = Page(page)
    assert found.links == []
    assert not re.search(r"https?://|@import|url\(", page)
    assert "prefers-color-scheme: dark" in page
    assert "@media print" in page
    assert len(page) < 100_000
    assert "meetprobe 0.1.0" in found.text


@EVERY
def test_every_form_has_the_audiences_sections(eventful_week: Cadence, audience: str) -> None:
    found = for_audience(eventful_week, audience)
    page, text, markdown = Page(to_page(found)), terminal(found), to_markdown(found)
    full = [name for name in AUDIENCES[audience].sections if name != "alerts" or found.alerts]
    assert page.sections == full
    for name in full:
        assert SECTIONS[name] in text
        assert SECTIONS[name] in markdown


def test_the_page_tells_the_figures_of_the_model(eventful_week: Cadence) -> None:
    found = Page(to_page(eventful_week))
    rows = {cells[1]: cells for cells in found.rows["promises"] if len(cells) == 7 and cells[1]}
    figured = [row for row in eventful_week.rows if row.value is not None]
    assert set(rows) == {row.title for row in figured}
    for row in figured:
        assert rows[row.title][2] == show(row.value, row.unit)
        assert rows[row.title][4].startswith(row.mark)
    assert found.polylines >= len(figured)


def test_targets_without_a_figure_stand_with_the_reason(eventful_week: Cadence) -> None:
    """Once a reason, in every form."""
    rows = Page(to_page(eventful_week)).rows["unmeasured"]
    told = {cells[1]: cells[0] for cells in rows if len(cells) == 2}
    reason = "no run of this period that counts has samples of migration_success_ratio"
    assert told[reason] == "Migration success rate (P2P↔SFU, both ways)"
    savings = next(key for key in told if key.startswith("savings depend on the mix"))
    assert (
        told[savings] == "Cost per participant, less than a pure SFU; Bandwidth efficiency, better than server routing"
    )
    assert reason in " ".join(terminal(eventful_week, 400).split())
    assert reason.replace("_", "\\_") in to_markdown(eventful_week)


def test_intervals_stand_where_the_evidence_does(eventful_week: Cadence) -> None:
    joins = next(row for row in eventful_week.rows if row.kpi == "join_success")
    assert interval(joins) == "92.2 – 97.1 %"
    assert interval(joins) in Page(to_page(eventful_week)).text
    assert interval(joins) in terminal(eventful_week)
    assert interval(joins) in to_markdown(eventful_week)
    assert interval(joins) not in to_page(for_audience(eventful_week, "leadership"))
    assert interval(dataclasses.replace(joins, interval=None)) == ""
    assert interval(dataclasses.replace(joins, interval=[0.9524, 0.9524])) == ""
    assert interval(dataclasses.replace(joins, interval=[0.9524, None])) == "≥ 95.2 %"


def test_markdown_tables_are_tables(eventful_week: Cadence) -> None:
    for block in to_markdown(eventful_week).split("\n\n"):
        lines = block.splitlines()
        if lines[0].startswith("|"):
            cells = [len(re.split(r"(?<!\\)\|", line)) for line in lines]
            assert len(set(cells)) == 1, lines[0]


def test_what_servers_say_is_text_everywhere(eventful_week: Cadence) -> None:
    page = to_page(eventful_week)
    assert "no &lt;candidate&gt; | pair" in page
    assert "no \\<candidate\\> \\| pair" in to_markdown(eventful_week)
    bad = dataclasses.replace(eventful_week, targets=("ws://x\x1b[31m<script>",))
    assert "<script>" not in to_page(bad)
    assert "\x1b" not in to_page(bad) + to_markdown(bad) + terminal(bad)


@pytest.mark.parametrize("width", [60, 80, 100, 200])
def test_the_terminal_keeps_to_its_width(eventful_week: Cadence, width: int) -> None:
    for audience in AUDIENCES:
        lines = terminal(for_audience(eventful_week, audience), width).splitlines()
        assert max(map(len, lines)) <= width


@pytest.mark.parametrize("width", [80, 109, 110])
def test_no_figure_is_cut_off_at_the_terminal(eventful_week: Cadence, width: int) -> None:
    told = terminal(eventful_week, width)
    assert "…" not in told
    assert " ".join(told.split()).count("lossy") == 2, "the group, and the note on it"
    assert "▼ worse, was" in " ".join(told.split())
    assert (SPARK in told) is (width >= 110)


@EVERY
def test_a_report_of_nothing_renders(eventful_week: Cadence, audience: str) -> None:
    zero = dataclasses.replace(eventful_week.counts, all=0, counted=0, distrusted=0, shut_out=0, missed=0)
    empty = dataclasses.replace(
        for_audience(eventful_week, audience), counts=zero, before=zero, rows=(), unjudged=(), unmeasured=(), groups=(), failures=(),
        alerts=(), targets=(), milestones={}, external=(), notes=(),
    )  # fmt: skip
    for told in (Page(to_page(empty)).text, terminal(empty), to_markdown(empty)):
        assert "No runs are stored of this week" in told
