"""What a listener must have heard: the stated playout rule over actual release times, and the E-model on top of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from probe.measure.audio_quality import audio_score, stretched
from probe.measure.emodel import mos_from_r
from probe.measure.opus import opus  # noqa: F401


class Heard(NamedTuple):
    """One audio packet: extended `number`, `media` time and `capture` (seconds, None where it was not told), `arrival` at
    the far end, `size` of the Opus payload in bytes."""

    number: int
    media: float
    capture: float | None
    arrival: float
    size: int
