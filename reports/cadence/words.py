"""What all renderers of these reports say alike."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from reports.cadence.audiences import AUDIENCES
from reports.cadence.model import Cadence, Change, Counts, Data, Group, Mark, Row
from reports.store.quality import sign_of, unit_of
from reports.words import SIGNS, UNKNOWN, show
from reports.words import interval as shown_interval

SYMBOLS = {Mark.ON: "✓", Mark.NEAR: "≈", Mark.BELOW: "✗", Mark.UNKNOWN: "–"}
ARROWS = {Change.BETTER: "▲", Change.WORSE: "▼", Change.SAME: "=", Change.UNKNOWN: "·"}
CHANGES = {Change.BETTER: "▲ better", Change.WORSE: "▼ worse", Change.SAME: "= no change", Change.UNKNOWN: "not known"}
VERDICTS = {"pass": "proven", "fail": "missed for sure", "inconclusive": "not proven yet", "not_judged": "not judged"}
SECTIONS = {
    "alerts": "Alerts",
    "promises": "Targets",
    "changes": "What changed",
    "groups": "By scenario and network",
    "failures": "Errors",
    "runs": "Runs",
    "data": "Data quality",
    "unjudged": "Measured, not judged",
    "unmeasured": "Without a figure, and why",
    "cards": "",
    "horizons": "The road ahead",
    "milestones": "Milestones",
    "external": "Not measured by this probe",
    "notes": "Notes",
}
GROUP_COLUMNS = (
    ("join_success_ratio", "joins", "ratio"),
    ("join_duration_seconds", "join time", "seconds"),
    ("round_trip_time_seconds", "round trip", "seconds"),
    ("packet_loss_ratio", "loss", "ratio"),
    ("frame_rate", "frame rate", "fps"),
    ("video_quality_score", "video", "score"),
    ("audio_quality_score", "audio", "score"),
    ("migration_success_ratio", "migrations", "ratio"),
)
"""Metric, heading, unit; means over the runs of a group."""


def headline(report: Cadence) -> tuple[Mark, str]:
    """Where the platform stands, and the sentence that says so."""
    if not report.counts.all:
        return Mark.UNKNOWN, f"No runs are stored of this {report.period.words}"
    if not report.counts.counted and report.counts.shut_out:
        return Mark.BELOW, f"Nobody got in: all {runs(report.counts.shut_out)} found the platform closed"
    if not report.counts.counted:
        return Mark.UNKNOWN, f"None of {runs(report.counts.all)} can be relied on"
    below, near, on = (report.marked(mark) for mark in (Mark.BELOW, Mark.NEAR, Mark.ON))
    known = len(below) + len(near) + len(on)
    if not known:
        return Mark.UNKNOWN, "Nothing was measured that a target is set for"
    if below:
        return Mark.BELOW, f"{len(below)} of {known} targets missed{_surely(below)}: {_titles(below)}"
    if near:
        return Mark.NEAR, f"{len(near)} of {known} targets nearly met: {_titles(near)}"
    return Mark.ON, f"All {known} targets met"


def _surely(below: Sequence[Row]) -> str:
    """How many of those that miss their target do so beyond noise, where not all of them do."""
    sure = sum(row.status == "fail" for row in below)
    return "" if sure == len(below) else f", {sure or 'none'} of them for sure"


def _titles(rows: Sequence[Row], most: int = 3) -> str:
    more = f" and {len(rows) - most} more" if len(rows) > most else ""
    return ", ".join(row.title for row in rows[:most]) + more


def span(report: Cadence) -> str:
    """ "15 – 22 Nov 2026 (UTC), against the week before"."""
    start, end = report.period.start, report.period.end
    first = f"{start:%d %b}" if start.year == end.year else f"{start:%d %b %Y}"
    if report.period.name == "day":
        return f"{start:%d %b %Y %H:%M} – {end:%d %b %H:%M} (UTC), against the day before"
    return f"{first} – {end:%d %b %Y} (UTC), against the {report.period.words} before"


def told_runs(counts: Counts) -> str:
    """ "14 runs, 12 of them count: 1 not trustworthy, 1 interrupted"."""
    reasons = (
        (counts.distrusted, "not trustworthy"),
        (counts.interrupted, "interrupted"),
        (counts.shut_out, "in which nobody got in"),
    )
    told = ", ".join(f"{number} {words}" for number, words in reasons if number)
    text = runs(counts.all)
    if counts.counted < counts.all:
        text += f", {counts.counted} of them count" + (f" ({told})" if told else "")
    return f"{text}; {counts.missed or 'none'} missed a target" if counts.all else text


def runs(count: int) -> str:
    """ "1 run", "7 runs", "no runs"."""
    return f"{count or 'no'} run{'' if count == 1 else 's'}"


def verdict(row: Row) -> str:
    """Where the figure stands, and how sure that is: "on target, not proven yet"."""
    return str(row.mark) if row.value is None else f"{row.mark}, {VERDICTS[row.status]}"


def target(row: Row) -> str:
    """ "≥ 98 %"."""
    return UNKNOWN if row.target is None else f"{SIGNS[row.comparison]} {show(row.target, row.unit)}"


def interval(row: Row) -> str:
    """The figure's 90 % interval: "97.1 – 100 %"; empty for what is exact, or as good as that."""
    low, high = row.interval or (None, None)
    if show(low, row.unit) == show(high, row.unit):
        return ""
    return shown_interval({"interval": row.interval, "unit": row.unit})


def measured(row: Row) -> str:
    """The figure, and that it is none to be judged by."""
    return show(row.value, row.unit) + (" (not judged)" if row.status == "not_judged" else "")


def at_horizon(row: Row, horizon: str) -> tuple[Mark, str]:
    """The mark, and "≥ 98 % ✓"; a dash where there is no target."""
    value, mark = row.horizons.get(horizon, (None, Mark.UNKNOWN))
    if value is None:
        return mark, UNKNOWN
    symbol = "" if mark is Mark.UNKNOWN else f" {SYMBOLS[mark]}"
    return mark, f"{SIGNS[row.comparison]} {show(value, row.unit)}{symbol}"


def change(row: Row) -> str:
    """ "▼ worse, was 180 ms"; nothing is claimed of what scatters."""
    if row.change in (Change.BETTER, Change.WORSE) and row.before is not None:
        return f"{CHANGES[row.change]}, was {show(row.before, row.unit)}"
    return CHANGES[row.change]


def changes(report: Cadence) -> list[tuple[Change, str]]:
    """Sentences: what got worse first, then what got better, then how it stands otherwise."""
    found = []
    for kind in (Change.WORSE, Change.BETTER):
        for row in report.changed(kind):
            was, now = show(row.before, row.unit), show(row.value, row.unit)
            found.append((kind, f"{row.title}: {was} → {now}"))
    unknown = sum(row.value is not None for row in report.changed(Change.UNKNOWN))
    if not report.before.all:
        return found
    if not found:
        found.append((Change.SAME, f"Nothing changed beyond noise since the {report.period.words} before"))
    if unknown:
        rows = f"{unknown} row{'' if unknown == 1 else 's'}"
        found.append((Change.UNKNOWN, f"Of {rows} there are too few runs to tell a change from noise"))
    return found


def horizons(report: Cadence) -> list[str]:
    """The horizons that any row has a target for, in the profile's order."""
    names = dict.fromkeys(name for row in (*report.rows, *report.unjudged) for name in row.horizons)
    return [
        name for name in names if any(row.horizons[name][0] is not None for row in (*report.rows, *report.unjudged))
    ]


def group_figures(group: Group) -> list[str]:
    """The cells of GROUP_COLUMNS."""
    return [show(group.figures.get(name), unit) for name, _, unit in GROUP_COLUMNS]


def quality_figures(data: Data) -> tuple[str, str]:
    """A dimension's figure, and its limit with the sign: "99.2 %", "≥ 98 %"."""
    unit = unit_of(data.dimension)
    return show(data.value, unit), f"{sign_of(data.dimension)} {show(data.limit, unit)}"


def measured_notes(report: Cadence) -> list[str]:
    """How to read the page. Who is not told the reasons is told what is missing."""
    told = "unmeasured" in AUDIENCES[report.audience].sections
    missing = "" if told else "; ".join(row.title for row in report.rows if row.value is None)
    return [
        *report.notes,
        *([f"without a figure: {missing}"] if missing and report.counts.all else ()),
        "near target: a figure that misses its target by at most a tenth; of a share promised from 90 % on, one with at most "
        "twice the failures that it allows",
        "better and worse are said only where runs differ by more than they scatter (95 %)",
    ]


def quality_mark(data: Data) -> tuple[Mark, str]:
    """Does it hold? Where no run says anything of it, nobody knows."""
    if data.value is None:
        return Mark.UNKNOWN, "nothing to go by"
    return (Mark.ON, "holds") if data.ok else (Mark.BELOW, "does not hold")


def with_figure(report: Cadence) -> list[Row]:
    """Targets that there is something to say of."""
    return [row for row in report.rows if row.value is not None]


def without_figure(report: Cadence) -> list[tuple[str, list[str]]]:
    """Reasons, and the rows that have no figure for that reason."""
    by: dict[str, list[str]] = defaultdict(list)
    for row in report.rows:
        if row.value is None:
            by[row.evidence].append(row.title)
    for one in report.unmeasured:
        by[one.reason].append(one.title)
    return list(by.items())


def not_measured(report: Cadence) -> list[str]:
    """What needs somebody else's figures: rows that no probe can measure, and those of the profile that none could."""
    return [*(one.title for one in report.unmeasured), *report.external]
