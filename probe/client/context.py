"""What all participants of a process share: clock, timers, decoders, media, and where facts go."""

from __future__ import annotations

import random
import traceback
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from probe.client.garbage import Garbage
from probe.client.polls import Polls
from probe.client.worst_frames import WorstFrames
from probe.measure.health import GeneratorHealth
from probe.model.errors import ProbeError, shortage
from probe.model.samples import Sample, SampleBatch, unit_of
from probe.rtc.beat import Beat
from probe.rtc.chores import Chores
from probe.rtc.clock import Clock
from probe.rtc.ice_server import IceChoice
from probe.rtc.wheel import TimerWheel

if TYPE_CHECKING:
    from probe.client.capture_log import Captures
    from probe.client.dumps.folder import Dumps
    from probe.client.emulation import Emulation
    from probe.client.fast_publisher import Pacing
    from probe.media.decode_pool import DecodePool
    from probe.media.video import EncodedVideo
    from probe.rtc.reading import Reading
    from sfu_shim.core.link.profiles import Network

Depth = Literal["headers", "frames", "pictures"]
_MOST_GATHERED = 1024
"""Values of one series: more at a time would hold up the packets."""
_MOST_NOTICED = 1000
"""Moments with something to tell: whoever looks at a run sees no more."""
_GATHERING = 1.0
"""Seconds for which observed values are gathered before they go on."""


@dataclass(slots=True)
class _Gathered:
    """What was observed of one series since a monotonic time and has not gone on yet."""

    metric: str
    tags: Mapping[str, str]
    since: float
    values: list[NDArray[np.float64]] = field(default_factory=list)
    units: list[tuple[str, int]] = field(default_factory=list)
    count: int = 0


@dataclass(slots=True)
class Context:
    """One run in one process. `sink` takes every sample, and `batch_sink` what is observed in bulk; without one the sink gets
    that too, value by value. `captures` finds a sender's log by participant id, `senders` are those whose media goes out, `meetings`
    says where a participant is;
    `networks` the emulated access of the participant that enters a meeting at a position (0 first), None for none. `reading` and
    `pacing` are the compiled packet path, where a run that looks at headers only has it: one in `authenticate_every` packets is
    authenticated then; `observed` counts what was looked at closely (`probe.measure.observed`)."""

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
    captures: dict[str, Captures] = field(default_factory=dict)
    senders: set[str] = field(default_factory=set)
    meetings: dict[str, str] = field(default_factory=dict)
    errors: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    crashes: Counter[str] = field(default_factory=Counter)
    socket_drops: int = 0
    reading: Reading | None = None
    pacing: Pacing | None = None
    authenticate_every: int = 1
    observed: Counter[str] = field(default_factory=Counter)
    batch_sink: Callable[[SampleBatch], None] | None = None
    dumps: Dumps | None = None
    ice: IceChoice = field(default_factory=IceChoice)
    noticed: Counter[tuple[int, str]] = field(default_factory=Counter)
    polls: Polls = field(init=False)
    beat: Beat = field(init=False)
    chores: Chores = field(init=False)
    garbage: Garbage = field(default_factory=Garbage, init=False)
    worst: WorstFrames = field(default_factory=WorstFrames, init=False)
    _gathered: dict[tuple[object, ...], _Gathered] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self.polls = Polls(self.clock, self.wheel)
        self.beat = Beat(self.clock)
        self.chores = Chores(self.clock, self.beat)

    def emit(
        self, metric: str, value: float, tags: Mapping[str, str] | None = None, **detail: str | int | float
    ) -> None:
        """One sample, now. Of a participant that is in a meeting it says in which."""
        if "who" in detail and (meeting := self.meetings.get(str(detail["who"]))):
            detail["meeting"] = meeting
        self.sink(Sample(metric, float(value), self.clock.now() - self.epoch, tags or {}, detail))

    def observe(self, metric: str, values: NDArray[np.float64], tags: Mapping[str, str], who: str) -> None:
        """Many values of one series, that this participant read. Where batches are taken they go on together with others about a
        second later, or at `flush`; the array is kept until then: don't change it."""
        if not len(values):
            return
        now = self.clock.now()
        if self.batch_sink is None:
            for value in values.tolist():
                self.emit(metric, value, tags, who=who)
            return
        key = (metric, *tags.items())
        if (series := self._gathered.get(key)) is None:
            series = self._gathered[key] = _Gathered(metric, tags, now)
        series.values.append(values)
        series.units.append((unit_of(self.meetings.get(who), who), len(values)))
        series.count += len(values)
        oldest = next(iter(self._gathered))
        if series.count >= _MOST_GATHERED:
            self._pass_on(key)
        elif now - self._gathered[oldest].since >= _GATHERING:
            self._pass_on(oldest)

    def flush(self) -> None:
        """What was observed goes on at once: whoever reads a summary calls this before."""
        for key in list(self._gathered):
            self._pass_on(key)

    def _pass_on(self, key: tuple[object, ...]) -> None:
        series = self._gathered.pop(key)
        if self.batch_sink is not None:
            time = self.clock.now() - self.epoch
            values = np.concatenate(series.values)
            self.batch_sink(SampleBatch(series.metric, values, time, series.tags, series.units))

    def notice(self, what: str) -> None:
        """Something happened to a connection, now, that explains its figures: an event of the report, with how many it befell."""
        moment = round(self.clock.now()), what
        if moment in self.noticed or len(self.noticed) < _MOST_NOTICED:
            self.noticed[moment] += 1

    def complain(self, error: ProbeError, *, who: str = "", phase: str = "") -> None:
        """Keep an error for the report; equal ones are counted. One for lack of files or ports is the generator's own."""
        if what := shortage(error):
            self.health.shortage(what)
        text = f"{error.message} ({error.hint})" if error.hint else error.message
        self.errors[error.phase or phase, error.who or who, text] += 1

    def crashed(self, error: BaseException) -> None:
        """Something of ours raised what nobody expected: our bug, and the run must say so, with its place."""
        frames = traceback.extract_tb(error.__traceback__)
        place = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
        self.crashes[f"{error!r}{place}"] += 1
