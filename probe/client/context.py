"""What all participants of a process share: clock, timers, decoders, media, and where facts go."""

from __future__ import annotations

import random
import traceback
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from probe.measure.health import GeneratorHealth
from probe.model.errors import ProbeError
from probe.model.samples import Sample
from probe.rtc.clock import Clock
from probe.rtc.wheel import TimerWheel

if TYPE_CHECKING:
    from probe.client.capture_log import CaptureLog
    from probe.client.emulation import Emulation
    from probe.media.decode_pool import DecodePool
    from probe.media.video import EncodedVideo
    from sfu_shim.core.link.profiles import Network

Depth = Literal["headers", "frames", "pictures"]


@dataclass(slots=True)
class Context:
    """One run in one process. `sink` takes every sample; `captures` finds a sender's log by participant id; `networks` the
    emulated access of the participant that enters a meeting at a position (0 first), None for none."""

    clock: Clock
    wheel: TimerWheel
    health: GeneratorHealth
    sink: Callable[[Sample], None]
    depth: Depth
    rng: random.Random
    epoch: float
    video: EncodedVideo | None = None
    pool: DecodePool | None = None
    codecs: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ("127.0.0.1",)
    connect_deadline: float = 10.0
    emulation: Emulation | None = None
    networks: Callable[[int], Network | None] = lambda position: None
    captures: dict[str, CaptureLog] = field(default_factory=dict)
    errors: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    crashes: Counter[str] = field(default_factory=Counter)
    socket_drops: int = 0

    def emit(
        self, metric: str, value: float, tags: Mapping[str, str] | None = None, **detail: str | int | float
    ) -> None:
        """One sample, now."""
        self.sink(Sample(metric, float(value), self.clock.now() - self.epoch, tags or {}, detail))

    def complain(self, error: ProbeError, *, who: str = "", phase: str = "") -> None:
        """Keep an error for the report; equal ones are counted."""
        text = f"{error.message} ({error.hint})" if error.hint else error.message
        self.errors[error.phase or phase, error.who or who, text] += 1

    def crashed(self, error: BaseException) -> None:
        """Something of ours raised what nobody expected: our bug, and the run must say so, with its place."""
        frames = traceback.extract_tb(error.__traceback__)
        place = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
        self.crashes[f"{error!r}{place}"] += 1
