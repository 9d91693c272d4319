"""Where a metric's scale ends: what lies beyond can't be, in a sample or in an interval."""

from __future__ import annotations

import math

from probe.model.metrics import Metric

_SIGNED_RATIOS = ("cost_saving_ratio", "bandwidth_saving_ratio", "video_ssim", "burst_ratio")
"""A pure SFU may be cheaper, SSIM goes below 0, and a burst ratio counts runs of losses: not within 0 to 1."""
_BY_UNIT = {
    "mos": (1.0, 5.0),
    "score": (1.0, 5.0),
    "seconds": (0.0, math.inf),
    "bits_per_second": (0.0, math.inf),
    "fps": (0.0, math.inf),
    "megabytes_per_hour": (0.0, math.inf),
    "ratio": (0.0, 1.0),
}
_OWN = {"video_vmaf": (0.0, 100.0), "migration_mos_dip": (-4.0, 4.0)} | dict.fromkeys(
    _SIGNED_RATIOS, (-math.inf, math.inf)
)


def scale(metric: Metric) -> tuple[float, float]:
    """The least and the greatest that the metric can be, in its unit; infinite where there is no end."""
    return _OWN.get(metric.name) or _BY_UNIT.get(metric.unit, (-math.inf, math.inf))
