"""Delays of streams that are not ours: by the clock that they carry, which may be known badly, or not at all."""

from __future__ import annotations

from probe.measure.capture_clock import WHY_NOT
from probe.measure.summary import Summary
from reports.targets.profile import Kpi


def clock_error(kpi: Kpi, summary: Summary) -> float:
    """Seconds by which all the row's samples may be wrong, in the same direction: what the capture times of others' streams may be
    off. 0 for rows of other figures, and where every sender was ours."""
    errors = summary.histogram("capture_clock_error_seconds") if _is_of_frames(kpi) else None
    if errors is None or kpi.is_reduction or kpi.is_multiple:
        return 0.0
    return (errors.mean if kpi.aggregate == "mean" else errors.maximum) or 0.0


def no_clock(kpi: Kpi, summary: Summary) -> str:
    """Why there are no frame delays at all, of streams that are not ours; empty for any other reason."""
    if not _is_of_frames(kpi) or "capture_clock_ratio" not in summary:
        return ""
    sources = [tag.partition("=")[2] for tag in summary.tags("capture_clock_ratio") if tag.startswith("source=")]
    return "; ".join(WHY_NOT[source] for source in sources if source in WHY_NOT)


def _is_of_frames(kpi: Kpi) -> bool:
    """Of all streams or of some, but not of sound alone."""
    selector = kpi.selector
    return selector is not None and selector.metric.name == "one_way_delay_seconds" and selector.tag != "kind=audio"
