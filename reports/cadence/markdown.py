"""The report as Markdown (GitHub's tables): for wikis, mails and job summaries."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from reports.cadence.audiences import AUDIENCES
from reports.cadence.model import Cadence
from reports.cadence.sparkline import sparkline
from reports.cadence.words import (
    GROUP_COLUMNS,
    SECTIONS,
    SYMBOLS,
    VERDICTS,
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
    with_figure,
    without_figure,
)
from reports.words import plain, show

_SPECIAL = re.compile(r"([\\`*_\[\]<>|#~])")


def render(report: Cadence) -> str:
    """One document, ending with a newline."""
    mark, sentence = headline(report)
    parts = [
        f"# {_text(report.platform)}: {_text(report.title)}",
        f"{span(report)} · {_text(report.profile)} at {_text(report.horizon)}",
        f"**{SYMBOLS[mark]} {_text(sentence)}**",
        told_runs(report.counts),
    ]
    for name in AUDIENCES[report.audience].sections:
        body = _PARTS[name](report)
        if body:
            parts += [f"## {SECTIONS[name]}", body] if SECTIONS[name] else [body]
    return "\n\n".join(parts) + "\n"


def _text(value: object) -> str:
    """What servers and files say is text here, never markup."""
    return _SPECIAL.sub(r"\\\1", plain(value))


def _table(header: Sequence[str], rows: Iterable[Sequence[str]], right: Sequence[int] = ()) -> str:
    """Empty without rows."""
    body = [f"| {' | '.join(row)} |" for row in rows]
    rule = ["---:" if number in right else "---" for number in range(len(header))]
    return "\n".join([f"| {' | '.join(header)} |", f"| {' | '.join(rule)} |", *body]) if body else ""


def _list(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _cards(report: Cadence) -> str:
    rows = [
        (SYMBOLS[row.mark], _text(row.title), f"**{show(row.value, row.unit)}**", target(row), sparkline(row.trend))
        for row in with_figure(report)
    ]
    return _table(("", "KPI", "value", "target", "trend"), rows, right=(2, 3))


def _promises(report: Cadence) -> str:
    evidence = AUDIENCES[report.audience].evidence
    rows = [
        (
            SYMBOLS[row.mark],
            _text(row.title),
            " ".join(
                filter(None, (show(row.value, row.unit), f"({interval(row)})" if evidence and interval(row) else ""))
            ),
            target(row),
            VERDICTS[row.status],
            change(row),
            sparkline(row.trend),
            *((_text(row.evidence),) if evidence else ()),
        )
        for row in with_figure(report)
    ]
    header = ("", "KPI", "value", "target", "verdict", "change", "trend")
    return _table((*header, "evidence") if evidence else header, rows, right=(2, 3))


def _unjudged(report: Cadence) -> str:
    rows = [(_text(row.title), show(row.value, row.unit), change(row), sparkline(row.trend)) for row in report.unjudged]
    return _table(("figure", "value", "change", "trend"), rows, right=(1,))


def _unmeasured(report: Cadence) -> str:
    return _list(f"{_text('; '.join(titles))}: {_text(reason)}" for reason, titles in without_figure(report))


def _changes(report: Cadence) -> str:
    return _list(f"{kind}: {_text(words)}" for kind, words in changes(report))


def _alerts(report: Cadence) -> str:
    return _list(
        f"**{one.severity}**: {_text(one.title)}, {show(one.value, one.unit)} ({_text(one.condition)})"
        for one in report.alerts
    )


def _groups(report: Cadence) -> str:
    rows = [
        (_text(one.scenario), _text(one.network or "–"), str(one.runs), str(one.missed), *group_figures(one))
        for one in report.groups
    ]
    header = ("scenario", "network", "runs", "missed", *(heading for _, heading, _ in GROUP_COLUMNS))
    return _table(header, rows, right=range(2, len(header)))


def _failures(report: Cadence) -> str:
    rows = [(str(one.count), str(one.runs), _text(one.phase), _text(one.message)) for one in report.failures]
    return _table(("times", "runs", "phase", "what was said"), rows, right=(0, 1))


def _runs(report: Cadence) -> str:
    before, targets = f"before: {told_runs(report.before)}", _text(", ".join(report.targets)) or "nothing"
    return _list((told_runs(report.counts), before, f"against {targets}"))


def _data(report: Cadence) -> str:
    findings = report.data if report.counts.all else ()
    rows = [(SYMBOLS[quality_mark(one)[0]], one.dimension, *quality_figures(one)) for one in findings]
    return _table(("", "dimension", "value", "limit"), rows, right=(2, 3))


def _horizons(report: Cadence) -> str:
    names, rows = horizons(report), []
    for row in (*report.rows, *report.unjudged):
        cells = [at_horizon(row, name)[1] for name in names]
        rows.append((_text(row.title), measured(row), *cells))
    return _table(("KPI", "measured", *map(_text, names)), rows, right=range(1, 2 + len(names)))


def _milestones(report: Cadence) -> str:
    return _list(f"{_text(name)}: {_text(words)}" for name, words in report.milestones.items())


def _external(report: Cadence) -> str:
    return _text(", ".join(not_measured(report)))


def _notes(report: Cadence) -> str:
    return _list(_text(note) for note in measured_notes(report))


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
