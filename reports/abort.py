"""Is there a row with `abort_on_fail` whose failure is certain already? Asked as often as one likes while a run is going on.

Looking again and again would find a failure by chance sooner or later if each look allowed an error of 5 %. So the error is
spent: of the looks while a row has 2^k to 2^(k+1) values each may err with 5 % / (_LOOKS (k+1) (k+2)), which adds up to less
than 5 % however long the run (tests/reports/test_error_rates.py).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from probe.measure.summary import Summary
from reports.figure import enough
from reports.sliced import share, slice_figures
from reports.slices import Slices
from reports.targets.expression import COMPARISONS
from reports.targets.profile import Kpi, Profile
from reports.targets.quantity import show_quantity
from reports.verdict import Grounds, figure_of, reason_not_judged, samples

Watch = Callable[[Summary, Slices, Sequence[str], float], str]
"""Asked with the figures so far, the slices, why the generator can't be believed, and the seconds since the run began."""
_ERROR = 0.05
_LOOKS = 3.0
"""Independent looks that those of one doubling are worth, at most: they see nearly the same values."""


def abort_reason(profile: Profile, horizon: str, judges: Collection[str] | None, running: Grounds) -> str:
    """Why the run should end now, in words; empty while it should go on. `running`: what was measured so far, in the
    `duration_seconds` until now. A generator that can't be trusted aborts nothing."""
    if running.obstacle:
        return ""
    for kpi in profile.kpis:
        if kpi.abort_on_fail and not reason_not_judged(kpi, horizon, judges):
            target = kpi.target(horizon)
            late = running.duration_seconds >= max(kpi.abort_seconds, kpi.after_seconds)
            if late and target is not None and (told := _lost(kpi, target, running)):
                return f"{kpi.title}: {told}"
    return ""


def watching(profile: Profile, horizon: str, judges: Collection[str] | None) -> Watch | None:
    """`abort_reason` of this profile, asked with what was measured so far; None where no row may abort."""
    if not any(kpi.abort_on_fail for kpi in profile.kpis):
        return None

    def watch(summary: Summary, slices: Slices, distrust: Sequence[str], elapsed: float) -> str:
        return abort_reason(profile, horizon, judges, Grounds(summary, elapsed, distrust, slices))

    return watch


def sequential_confidence(count: int) -> float:
    """Of the two-sided interval that a look at `count` values may use."""
    doubling = max(count, 1).bit_length() - 1
    return 1 - 2 * _ERROR / (_LOOKS * (doubling + 1) * (doubling + 2))


def _lost(kpi: Kpi, target: float, running: Grounds) -> str:
    if kpi.over:
        return _slices_lost(kpi, target, running)
    histogram = samples(kpi, running)
    found = figure_of(kpi, target, histogram, running, sequential_confidence(histogram.count if histogram else 1))
    if found is None or histogram is None or not enough(kpi.how(), found, histogram.count):
        return ""
    best = found.best(kpi.comparison)
    if COMPARISONS[kpi.comparison](best, kpi.limit(target)):
        return ""
    value, wanted = show_quantity(found.value, kpi.judged_unit), show_quantity(target, kpi.judged_unit)
    return f"{kpi.aggregate} {value} of {histogram.count} can't be {kpi.comparison} {wanted} any more"


def _slices_lost(kpi: Kpi, target: float, running: Grounds) -> str:
    """Only slices that are over count: the one going on may still mend."""
    want = kpi.want
    kept = running.slices.histograms(want) if running.slices is not None and want is not None else None
    if not kept or want is None:
        return ""
    over = {place: one for place, one in kept.items() if want.complete(place, running.duration_seconds)}
    figures = slice_figures(kpi, over)
    if not figures:
        return ""
    good = sum(COMPARISONS[kpi.comparison](value, kpi.limit(target)) for value in figures)
    found = share(kpi, good, len(figures), sequential_confidence(len(figures)))
    if found.best(">=") >= kpi.least_share:
        return ""
    return (
        f"{good} of {len(figures)} slices of {want.over:g} s keep it, {show_quantity(kpi.least_share, 'ratio')} should"
    )
