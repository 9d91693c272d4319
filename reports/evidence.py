"""The one line of evidence beside each verdict: what was seen, and what is missing to be sure."""

from __future__ import annotations

import math

from probe.measure.histogram import Histogram
from probe.measure.summary import Summary
from probe.model.not_in_a_run import NOT_IN_A_RUN
from reports.clock import no_clock
from reports.figure import Figure
from reports.independent import Independent
from reports.targets.expression import COMPARISONS, parse_selector
from reports.targets.profile import Kpi
from reports.targets.quantity import show_quantity


def seen(kpi: Kpi, histogram: Histogram, summary: Summary, found: Figure) -> str:
    """ "6 of 6 in 2 meetings (p2p>sfu 3 of 3, sfu>p2p 3 of 3)", "190 of 200 in 20 meetings that differ" where they count as fewer,
    or "mean of 812 readings of 12 meetings, p95 12 ms, worst 19 ms"."""
    ratio = kpi.aggregate == "ratio"
    parts = [_seen_ratio(histogram, found) if ratio else _seen_values(kpi, histogram, found)]
    parts += [text for name in kpi.beside if (text := _beside(name, summary))]
    split = _split(kpi, summary)
    return ", ".join(parts) + (f" ({split})" if split else "")


def _seen_ratio(histogram: Histogram, found: Figure) -> str:
    """The participants of one meeting are told where they differ alone: mostly each has one attempt."""
    units = found.rests_on
    differ = found.alike(histogram.count) is not None
    if units is None or (units.what == "participant" and not differ):
        return _good_of_all(histogram)
    where = "by" if units.what == "participant" else "in"
    told = f"{_good_of_all(histogram)} {where} {_plural(len(units.shares), units.what)}"
    return f"{told} that differ" if differ else told


def _good_of_all(histogram: Histogram) -> str:
    return f"{_whole(histogram.sum)} of {histogram.count}"


def _seen_values(kpi: Kpi, histogram: Histogram, found: Figure) -> str:
    unit, worst = kpi.measured_unit, histogram.minimum if kpi.direction == "higher" else histogram.maximum
    if kpi.aggregate in ("max", "min", "value", "count", "rate") or worst is None:
        return f"{_plural(histogram.count, 'reading')}"
    rests_on = found.rests_on
    whose = f" of {_plural(len(rests_on.shares), rests_on.what)}" if rests_on is not None else ""
    parts = [f"{kpi.aggregate} of {_plural(histogram.count, 'reading')}{whose}"]
    for name, value in (("mean", histogram.mean), ("p95", histogram.quantile(0.95))):
        tail = name == "p95" and kpi.direction == "higher"  # the upper tail of what should be high says nothing
        if name != kpi.aggregate and value is not None and not tail:
            parts.append(f"{name} {show_quantity(value, unit)}")
    return ", ".join([*parts, f"worst {show_quantity(worst, unit)}"])


def _beside(name: str, summary: Summary) -> str:
    selector = parse_selector(name)
    histogram = summary.histogram(selector.metric.name, selector.tag)
    mean = histogram.mean if histogram else None
    words = selector.metric.name.removesuffix(f"_{selector.metric.unit}").replace("_", " ")
    return f"{words} {show_quantity(mean, selector.metric.unit)}" if mean is not None else ""


def _split(kpi: Kpi, summary: Summary) -> str:
    """The figure per value of the tag that the row is split by: "p2p 4.71, sfu 4.69"."""
    selector = kpi.selector
    if not kpi.split or selector is None or selector.metric.name not in summary:
        return ""
    tags = [tag for tag in summary.tags(selector.metric.name) if tag.startswith(f"{kpi.split}=")]
    return ", ".join(f"{tag.partition('=')[2]} {_of_tag(kpi, selector.metric.name, tag, summary)}" for tag in tags)


def _of_tag(kpi: Kpi, name: str, tag: str, summary: Summary) -> str:
    histogram = summary.histogram(name, tag)
    if histogram is None:
        return "nothing"
    if kpi.aggregate == "ratio":
        return _good_of_all(histogram)
    mean = histogram.mean
    return show_quantity(mean, kpi.measured_unit) if mean is not None else "nothing"


def no_samples(kpi: Kpi, summary: Summary) -> str:
    selector = kpi.selector
    why = NOT_IN_A_RUN.get(selector.metric.name) or no_clock(kpi, summary) if selector else None
    return f"no samples of {kpi.metric}: {why or 'nobody got so far, or the scenario has nothing of the kind'}"


def failure(kpi: Kpi, facts: str, found: Figure, target: float) -> str:
    """Says how far even the kind end of the interval stays from the target."""
    best = found.best(kpi.comparison)
    if not found.sampled:
        return f"{facts}: {show_quantity(found.value, kpi.judged_unit)} misses {show_quantity(target, kpi.judged_unit)}"
    bound = "at most" if kpi.direction == "higher" else "at least"
    return f"{facts}: {bound} {show_quantity(best, kpi.judged_unit)} can be believed"


def undecided(
    kpi: Kpi, facts: str, found: Figure, readings: int, target: float, more: int | None, takes: int = 0
) -> str:
    """Says what would decide. `takes`: as many readings as it takes to decide anything, where there are fewer."""
    units = found.alike(readings)
    if more:
        if kpi.aggregate == "mean":
            what = units.what if units is not None else "reading"
            return f"{facts}: about {_plural(more, f'more {what}')} like these would prove it"
        ratio = kpi.aggregate == "ratio"
        noun = units.what if units is not None else "attempt" if ratio else "reading"
        about = "about " if units is not None else ""
        what = f"{about}{_plural(more, f'more {noun}')} {'without a failure' if ratio else 'within the target'}"
        return f"{facts}: {_sure(kpi, found, target)}{what} would prove it"
    if COMPARISONS[kpi.comparison](found.value, target):
        return f"{facts}: {_too_few(units, takes)}"
    side = "below" if kpi.direction == "higher" else "above"
    return f"{facts}: {side} the target, but {_too_few(units, takes)}"


def _too_few(units: Independent | None, takes: int) -> str:
    """ "too few meetings to be sure", or "it takes 20 readings to be sure"."""
    if takes:
        return f"it takes {takes} readings to be sure"
    return f"too few {units.what}s to be sure" if units is not None else "too few to be sure"


def _sure(kpi: Kpi, found: Figure, target: float) -> str:
    """Where the interval that is shown keeps the target and the bounds that decide do not, what those say."""
    shown = Figure(found.value, found.interval, found.sampled)
    if (
        kpi.aggregate != "ratio"
        or found.bounds is None
        or not COMPARISONS[kpi.comparison](shown.worst(kpi.comparison), target)
    ):
        return ""
    higher = kpi.direction == "higher"
    worst = (math.floor if higher else math.ceil)(
        found.worst(kpi.comparison) * 1e4
    ) / 1e4  # never rounded onto the target
    return f"{'at least' if higher else 'at most'} {100 * worst:.2f} % is sure, "


def badly_timed(kpi: Kpi, facts: str, found: Figure) -> str:
    """Says that more of the same would not decide."""
    return f"{facts}: the clock that the stream carries is known to within {show_quantity(found.error, kpi.measured_unit)} only"


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _whole(value: float) -> str:
    return f"{value:.0f}" if value == round(value) else f"{value:.1f}"
