"""The report as one page of HTML: nothing is loaded from anywhere, light and dark, on paper too."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from importlib import resources

from reports.cadence.audiences import AUDIENCES
from reports.cadence.drawing import picture
from reports.cadence.model import Cadence, Change, Mark, Row
from reports.cadence.words import (
    ARROWS,
    GROUP_COLUMNS,
    SECTIONS,
    SYMBOLS,
    at_horizon,
    change,
    changes,
    group_figures,
    headline,
    horizons,
    interval,
    measured,
    measured_notes,
    not_measured,
    quality_figures,
    quality_mark,
    span,
    target,
    told_runs,
    verdict,
    with_figure,
    without_figure,
)
from reports.html_base import tag, text
from reports.words import show

CLASSES = {Mark.ON: "on", Mark.NEAR: "near", Mark.BELOW: "below", Mark.UNKNOWN: "unknown"}
_CHANGE_CLASSES = {Change.BETTER: "on", Change.WORSE: "below", Change.SAME: "soft", Change.UNKNOWN: "soft"}
_SEVERITY_CLASSES = {"critical": "below", "warning": "near", "risk": "near"}


def render(report: Cadence, version: str = "") -> str:
    """A whole document."""
    style = (resources.files("reports.cadence") / "page.css").read_text(encoding="utf-8")
    title = f"{report.platform}: {report.title}"
    head = (
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{text(title)}</title><style>{style}</style>"
    )
    parts = [_section(name, _PARTS[name](report)) for name in AUDIENCES[report.audience].sections]
    made = tag("footer", text(f"meetprobe {version}".strip()))
    body = tag("main", _header(report), *parts, made, class_=f"for-{report.audience}")
    return f'<!doctype html>\n<html lang="en"><head>{head}</head><body>{body}</body></html>\n'


def _header(report: Cadence) -> str:
    mark, sentence = headline(report)
    return tag(
        "header",
        tag("p", text(report.platform), class_="platform"),
        tag("h1", text(report.title)),
        tag("p", text(f"{span(report)} · targets: {report.profile} at {report.horizon}")),
        tag("p", text(f"{SYMBOLS[mark]} {sentence}"), class_=f"verdict {CLASSES[mark]}"),
        tag("p", text(told_runs(report.counts))),
    )


def _section(name: str, body: str) -> str:
    if not body:
        return ""
    return tag("section", tag("h2", text(SECTIONS[name])) if SECTIONS[name] else "", body, id=name)


def _table(header: Sequence[str], rows: Iterable[Sequence[str]], kinds: Sequence[str], style: str = "stack") -> str:
    """Cells are markup; `kinds` are the columns' classes. Where it is narrow, rows become cards, of two columns where `style` says
    pairs. Empty without rows."""
    body = [
        tag("tr", *(tag("td", cell, class_=kind or None, data_label=name) for cell, kind, name in zip(row, kinds, header, strict=True)))
        for row in rows
    ]  # fmt: skip
    if not body:
        return ""
    heads = (tag("th", text(name), class_=kind or None, scope="col") for name, kind in zip(header, kinds, strict=True))
    return tag("div", tag("table", tag("thead", tag("tr", *heads)), tag("tbody", *body), class_=style), class_="scroll")


def _marked(mark: Mark, words: str) -> str:
    return tag("span", text(words), class_=CLASSES[mark])


def _change(row: Row) -> str:
    return tag("span", text(change(row)), class_=_CHANGE_CLASSES[row.change])


def _picture(row: Row) -> str:
    known = [value for value in row.trend if value is not None]
    if len(known) < 2:  # a dot is no trend
        return ""
    return picture(
        row.trend, f"{show(min(known), row.unit)} to {show(max(known), row.unit)}, last {show(known[-1], row.unit)}"
    )


def _cards(report: Cadence) -> str:
    shown = [_card(row) for row in with_figure(report)]
    alone = len(shown) % 4 == 1 and len(shown) % 3 != 1  # one card in the last of rows of four
    return tag("div", *shown, class_="cards thirds" if alone else "cards") if shown else ""


def _card(row: Row) -> str:
    words = f"{SYMBOLS[row.mark]} {row.mark}"
    proof = ", not proven yet" if row.status == "inconclusive" else ""
    return tag(
        "article",
        tag("h3", text(row.title)),
        tag("div", text(show(row.value, row.unit)), class_="value"),
        tag("div", _marked(row.mark, words), tag("span", text(proof), class_="soft"), class_="mark"),
        tag("p", text(f"target {target(row)}")),
        tag("p", _change(row)) if row.change in (Change.BETTER, Change.WORSE) else "",
        _picture(row),
        class_="card",
    )


def _promises(report: Cadence) -> str:
    evidence = AUDIENCES[report.audience].evidence
    rows = [
        (
            _marked(row.mark, SYMBOLS[row.mark]),
            text(row.title) + (tag("small", text(row.evidence)) if evidence else ""),
            tag(
                "div", tag("b", text(show(row.value, row.unit))), tag("small", text(interval(row))) if evidence else ""
            ),
            text(target(row)),
            text(verdict(row)),
            _change(row),
            _picture(row),
        )
        for row in with_figure(report)
    ]
    header = ("", "KPI", "value", "target", "verdict", "change", "trend")
    return _table(header, rows, ("sign", "name", "number", "number", "", "", ""))


def _unjudged(report: Cadence) -> str:
    rows = [
        (text(row.title), text(show(row.value, row.unit)), text(row.evidence), _picture(row)) for row in report.unjudged
    ]
    return _table(("figure", "value", "why it is not judged", "trend"), rows, ("name", "number", "soft", ""))


def _unmeasured(report: Cadence) -> str:
    rows = [(text("; ".join(titles)), text(reason)) for reason, titles in without_figure(report)]
    return _table(("target", "why"), rows, ("name", "soft"))


def _changes(report: Cadence) -> str:
    lines = [
        tag("li", tag("span", text(f"{ARROWS[kind]} {words}"), class_=_CHANGE_CLASSES[kind]))
        for kind, words in changes(report)
    ]
    return tag("ul", *lines, class_="plain") if lines else ""


def _alerts(report: Cadence) -> str:
    lines = [
        tag(
            "li",
            tag("span", text(one.severity), class_=f"severity {_SEVERITY_CLASSES.get(one.severity, 'soft')}"),
            " ",
            text(f"{one.title}: {show(one.value, one.unit)}"),
            tag("span", text(f" ({one.condition})"), class_="soft"),
        )
        for one in report.alerts
    ]
    return tag("ul", *lines, class_="plain") if lines else ""


def _groups(report: Cadence) -> str:
    rows = [
        tuple(map(text, (one.scenario, one.network or "–", one.runs, one.missed, *group_figures(one))))
        for one in report.groups
    ]
    header = ("scenario", "network", "runs", "missed", *(heading for _, heading, _ in GROUP_COLUMNS))
    return _table(header, rows, ("name", "", *("number" for _ in header[2:])), "stack pairs")


def _failures(report: Cadence) -> str:
    rows = [tuple(map(text, (one.message, one.phase, one.count, one.runs))) for one in report.failures]
    return _table(("what was said", "phase", "times", "runs"), rows, ("name", "tight", "number", "number"))


def _runs(report: Cadence) -> str:
    before, targets = f"before: {told_runs(report.before)}", ", ".join(report.targets) or "nothing"
    return tag("ul", *(tag("li", text(line)) for line in (told_runs(report.counts), before, f"against {targets}")))


def _data(report: Cadence) -> str:
    rows = []
    for one in report.data if report.counts.all else ():
        mark, words = quality_mark(one)
        rows.append((*map(text, (one.dimension, *quality_figures(one))), _marked(mark, f"{SYMBOLS[mark]} {words}")))
    return _table(("dimension", "value", "limit", ""), rows, ("name", "number", "number", "tight"))


def _horizons(report: Cadence) -> str:
    names, rows = horizons(report), []
    for row in (*report.rows, *report.unjudged):
        cells = [_marked(mark, words) for mark, words in (at_horizon(row, name) for name in names)]
        rows.append((text(row.title), tag("b", text(measured(row))), *cells))
    return _table(("KPI", "measured", *names), rows, ("name", *("number" for _ in range(len(names) + 1))))


def _milestones(report: Cadence) -> str:
    lines = [tag("li", tag("b", text(name)), text(f": {words}")) for name, words in report.milestones.items()]
    return tag("ul", *lines) if lines else ""


def _external(report: Cadence) -> str:
    missing = ", ".join(not_measured(report))
    return tag("p", text(missing), class_="soft") if missing else ""


def _notes(report: Cadence) -> str:
    return tag("ul", *(tag("li", text(note)) for note in measured_notes(report)), class_="notes")


_PARTS: dict[str, Callable[[Cadence], str]] = {
    "alerts": _alerts,
    "promises": _promises,
    "changes": _changes,
    "groups": _groups,
    "failures": _failures,
    "runs": _runs,
    "data": _data,
    "unjudged": _unjudged,
    "unmeasured": _unmeasured,
    "cards": _cards,
    "horizons": _horizons,
    "milestones": _milestones,
    "external": _external,
    "notes": _notes,
}
