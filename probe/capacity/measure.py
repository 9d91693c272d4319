"""Measures points, one alone or a ramp of them, each in processes of its own."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from probe.capacity.crew import Crew, Message
from probe.capacity.factor import hopeless, limiting_factor
from probe.capacity.figures import Point, Reading, limit_of
from probe.capacity.machine import available_memory, busy_seconds, check_files, cpu_seconds_of, processors
from probe.capacity.ramp import Ramp
from probe.capacity.work import JOIN_DEADLINE, Work
from probe.model.errors import ConfigError, MeasurementError
from probe.server_process import server_process

SETTLE = 1.0
"""Seconds between the last join and the window."""
_READY, _JOIN_MORE, _WINDOW_MORE, _LEFT = 120.0, 60.0, 60.0, 60.0
"""Deadlines for the engine processes, where they are on top of what a step takes: they bound a hang, not a measurement."""
_ROUND = 6.0
"""Seconds a point takes beside joining and its window, for the estimate whether another one still fits."""
_MEMORY_SHARE = 0.8
_FIRST = 16
MOST = 5000

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Options:
    """`participants` None: search, within `limit_seconds` in all. `seconds`: length of each window. Raises ConfigError."""

    work: Work = field(default_factory=Work)
    participants: int | None = None
    seconds: float = 10.0
    processes: int = 1
    limit_seconds: float = 600.0

    def __post_init__(self) -> None:
        size = self.work.meeting_size
        rules = (
            (1 <= self.processes <= 64, "--processes", self.processes, "1 to 64"),
            (1 <= self.seconds <= 3600, "--seconds", self.seconds, "1 to 3600"),
            (10 <= self.limit_seconds <= 86_400, "--limit-seconds", self.limit_seconds, "10 to 86400"),
        )
        for valid, option, value, allowed in rules:
            if not valid:
                raise ConfigError(f"{value} can't be used", who=option, hint=f"allowed: {allowed}")
        if self.participants is None:
            return
        if not size <= self.participants <= MOST or self.participants % size:
            raise ConfigError(
                f"{self.participants} participants can't be split into meetings of {size}",
                who="--participants",
                hint=f"a multiple of {size} up to {MOST}",
            )
        if self.participants // size < self.processes:
            raise ConfigError(
                f"{self.participants // size} meetings can't keep {self.processes} processes busy", who="--processes"
            )


@dataclass(slots=True)
class Capacity:
    """What was found. `points` in the order in which they were tried; `stopped`: why the search ended before its end."""

    options: Options
    processors: int
    points: list[Point] = field(default_factory=list)
    stopped: str = ""

    @property
    def max_trusted(self) -> int | None:
        """The largest number of participants that was read within the limits; None where none was."""
        return max((point.participants for point in self.points if point.trustworthy), default=None)

    @property
    def best(self) -> Point | None:
        """The point whose figures stand for the machine: the largest that held, else the smallest that could be read at all."""
        held = [point for point in self.points if point.trustworthy]
        if held:
            return max(held, key=lambda point: point.participants)
        return min((p for p in self.points if p.measured), key=lambda p: p.participants, default=None)

    @property
    def per_core(self) -> float | None:
        """Participants per core: a process has one for itself, whether it fills it or not; decoders use more."""
        best = self.best
        if best is None or not best.trustworthy:
            return None
        return best.participants / max(best.processes, best.cpu_cores)

    @property
    def limiting_factor(self) -> str | None:
        """In words; None where no limit was passed."""
        broken = limit_of(self.points)
        if broken is not None:
            return limiting_factor(broken, self.processors)
        return self.stopped or None

    @property
    def bugs(self) -> list[str]:
        """What of ours raised unexpectedly."""
        return sorted({bug for point in self.points for bug in point.bugs})

    @property
    def measured(self) -> bool:
        """Can anything be said? A search that found nothing that holds has nothing to say; a single point has, either way."""
        return self.best is not None and (self.options.participants is not None or self.max_trusted is not None)

    @property
    def exit_code(self) -> int:
        """0 measured, 1 a bug, 4 could not be measured."""
        return 1 if self.bugs else 0 if self.measured else 4


async def measure(options: Options, tell: Tell, on_point: Callable[[Point], None] = lambda point: None) -> Capacity:
    """The point that was asked for, or a ramp. `tell` hears what is going on. What can't be measured is a point with the reason."""
    found = Capacity(options, processors())
    if options.participants is None:
        await _climb(found, tell, on_point)
    else:
        await _add(found, options.participants, tell, on_point)
    return found


async def _add(found: Capacity, participants: int, tell: Tell, on_point: Callable[[Point], None]) -> Point:
    point = _out_of_reach(found, participants) or await _try(found.options, participants, tell)
    found.points.append(point)
    on_point(point)
    return point


async def _climb(found: Capacity, tell: Tell, on_point: Callable[[Point], None]) -> None:
    options, began = found.options, time.monotonic()
    unit = options.work.meeting_size * options.processes
    ramp = Ramp(unit, max(unit, _FIRST), max(unit, MOST))
    while (participants := ramp.next()) is not None:
        needed = participants / options.work.join_rate + options.seconds + _ROUND
        if found.points and time.monotonic() - began + needed > options.limit_seconds:
            found.stopped = f"time: the search was stopped after {time.monotonic() - began:.0f} s (--limit-seconds)"
            return
        point = await _add(found, participants, tell, on_point)
        if point.bugs:
            return
        ramp.tell(participants, held=point.trustworthy, clearly=hopeless(found.points))
    if ramp.at_ceiling:
        found.stopped = f"none found: the search goes no further than {MOST} participants"
    elif ramp.next() is None and ramp.steps <= 0:
        found.stopped = "steps: the search was stopped before its end"


async def _try(options: Options, participants: int, tell: Tell) -> Point:
    """A point that can't be measured is one that does not hold."""
    try:
        return await measure_point(options, participants, tell)
    except MeasurementError as error:
        kind = "memory" if "SIGKILL" in error.message else "measurement"
        return Point(participants, options.processes, failure=str(error), failure_kind=kind)


def _out_of_reach(found: Capacity, participants: int) -> Point | None:
    """A point that need not be tried, because files or memory would not do; None for one that may."""
    options = found.options
    try:
        check_files(participants, options.processes, options.work.meeting_size - 1)
    except MeasurementError as error:
        return Point(participants, options.processes, failure=f"{error.message} ({error.hint})", failure_kind="files")
    # The largest point says most: in a small one each has to carry a larger part of what they share.
    largest = max((p for p in found.points if p.measured), key=lambda p: p.participants, default=None)
    each = (largest.rss_bytes_per_participant or 0.0) if largest is not None else 0.0
    free = available_memory()
    if free is None or each * participants <= _MEMORY_SHARE * free:
        return None
    text = f"{participants} participants need about {each * participants / 1e6:.0f} MB, {free / 1e6:.0f} MB are free"
    return Point(participants, options.processes, failure=text, failure_kind="memory")


async def measure_point(options: Options, participants: int, tell: Tell) -> Point:
    """In fresh processes, against a fresh server that none of them is. Raises ProbeError."""
    work, count, title = options.work, options.processes, f"{participants} participants"
    tell(f"{title}: starting")
    async with server_process(work.scenario(1)) as server, Crew.start(count) as crew:
        url = await server.url()
        meetings = shares(participants // work.meeting_size, count)
        orders = [{"work": work.to_dict(), "url": url, "meetings": own, "processes": count} for own in meetings]
        await crew.ask(orders, "ready", _READY)
        start = time.monotonic() + 0.2

        def joining(states: list[Message]) -> None:
            tell(f"{title}: {sum(state.get('joined', 0) for state in states)} have joined")

        starts: list[Message] = [{"start": start + number / work.join_rate} for number in range(count)]
        joins = participants / work.join_rate + 2 * JOIN_DEADLINE + _JOIN_MORE
        await crew.ask(starts, "joined", joins, joining)
        tell(f"{title}: measuring for {options.seconds:g} s")
        return await _window(options, participants, crew, server.pid, tell)


async def _window(options: Options, participants: int, crew: Crew, server: int, tell: Tell) -> Point:
    work, begin = options.work, time.monotonic() + SETTLE
    before = _Usage.read(server)
    window: list[Message] = [{"begin": begin, "end": begin + options.seconds}] * options.processes
    measured = await crew.ask(window, "measured", SETTLE + options.seconds + _WINDOW_MORE)
    after = _Usage.read(server)
    readings = tuple(Reading.from_dict(message["reading"]) for message in measured)
    own = sum(reading.cpu_seconds / reading.seconds for reading in readings)
    tell(f"{participants} participants: leaving")
    await crew.ask([{}] * options.processes, "left", _LEFT)
    streams = participants * work.streams_each
    return Point(participants, options.processes, streams, work.fan_out, readings, *after.since(before, own))


class _Usage(NamedTuple):
    """CPU seconds so far of the server and of the whole machine, at monotonic `time`."""

    time: float
    server: float | None
    machine: float | None

    @classmethod
    def read(cls, server: int) -> _Usage:
        return cls(time.monotonic(), cpu_seconds_of(server), busy_seconds())

    def since(self, before: _Usage, own: float) -> tuple[float | None, float | None]:
        """Cores used meanwhile by the server, and by all that is neither it nor we, who used `own`."""
        elapsed = self.time - before.time
        if self.server is None or before.server is None or self.machine is None or before.machine is None:
            return None, None
        server = (self.server - before.server) / elapsed
        return server, max(0.0, (self.machine - before.machine) / elapsed - server - own)


def shares(meetings: int, processes: int) -> list[int]:
    """As even as whole meetings allow."""
    return [meetings // processes + (number < meetings % processes) for number in range(processes)]
