"""The meetings of one engine process: joined in turn, measured for a while, and left. All of it through the code of `probe run`."""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Self

from probe.capacity.figures import Reading
from probe.capacity.joins import Joins, join_cpu, p95
from probe.capacity.machine import cpu_seconds, rss_bytes
from probe.capacity.window import Counters, count, measured_streams
from probe.capacity.work import JOIN_DEADLINE, Work
from probe.client.context import Context
from probe.client.entry import Entry
from probe.client.generator_watch import GeneratorWatch
from probe.client.meeting import Meeting
from probe.client.participant import Participant
from probe.client.vmaf_samples import VmafSamples
from probe.measure.savings import SavingsLedger
from probe.measure.summary import Summary
from probe.model.errors import MeasurementError
from probe.model.platform import Platform
from probe.model.result import counted_errors
from probe.signalling.choose import open_signalling
from probe.stage import Contents, networks_of, stage

_POLL = 0.1
_AFTER_COUNTING = 0.05
"""Seconds: counting holds the loop up once, and that is nothing of what is measured."""
_LEAVE_DEADLINE = 30.0
_MOST_ERRORS = 20


class Session:
    """Open it, `join`, `measure`; closing it makes everybody leave."""

    def __init__(self, context: Context, work: Work, url: str, contents: Contents, shape: tuple[int, int]) -> None:
        self._context = context
        self._work = work
        self._joins = Joins(context.clock, work.meeting_size)
        self._scenario = work.scenario(*shape)
        self._rss = rss_bytes()
        self._cpu_before = self._cpu_joined = 0.0
        self._all_in = 0.0
        self._tasks: list[asyncio.Task[None]] = []
        stamp, ledger = f"{os.getpid()}-{uuid.uuid4().hex[:6]}", SavingsLedger()
        self._meetings = [
            Meeting(
                context, self._scenario, f"capacity-{stamp}-{number + 1}", lambda: open_signalling(Platform(url=url)),
                lambda: contents.media(context.rng), ledger, VmafSamples(context, enabled=False), self._joins.meeting(),
            )
            for number in range(shape[0])
        ]  # fmt: skip

    @classmethod
    @asynccontextmanager
    async def open(cls, work: Work, url: str, meetings: int, processes: int) -> AsyncIterator[Self]:
        """Everything slow is done, and nobody has joined. Samples are summed up as in a run."""
        contents = await work.contents()
        scenario = work.scenario(meetings, processes)
        summary = Summary()
        async with stage(scenario, url, contents, networks_of(scenario), summary.add) as context:
            context.batch_sink = summary.add_batch
            watch, session = GeneratorWatch(context), cls(context, work, url, contents, (meetings, processes))
            try:
                yield session
            finally:
                await session.leave()
                watch.close()

    @property
    def _entries(self) -> list[Entry]:
        return [entry for meeting in self._meetings for entry in meeting.entries]

    @property
    def joined(self) -> int:
        return sum(entry.joined for entry in self._entries)

    @property
    def failed(self) -> int:
        return sum(entry.error is not None for entry in self._entries)

    @property
    def _participants(self) -> list[Participant]:
        return [entry.participant for entry in self._entries if entry.joined]

    async def join(self, start: float) -> None:
        """Everybody in turn, the first intended at monotonic `start`. Ends when all are in or have failed. Raises
        MeasurementError if that does not come to an end."""
        total, spacing = len(self._meetings) * self._work.meeting_size, self._scenario.meeting_spacing
        self._cpu_before = cpu_seconds()
        for number, meeting in enumerate(self._meetings):
            self._tasks.append(asyncio.create_task(self._hold(meeting, start + number * spacing)))
        limit = len(self._meetings) * spacing + 2 * JOIN_DEADLINE + 10.0
        try:
            async with asyncio.timeout(limit):
                while self.joined + self.failed < total:  # noqa: ASYNC110 - who fails tells nobody
                    await asyncio.sleep(_POLL)
        except TimeoutError as error:
            missing = total - self.joined - self.failed
            raise MeasurementError(f"{missing} joins did not end within {limit:.0f} s", phase="join") from error
        self._cpu_joined, self._all_in = cpu_seconds(), self._context.clock.now()

    async def _hold(self, meeting: Meeting, start: float) -> None:
        try:
            await meeting.run(start)
        except Exception as error:  # noqa: BLE001 - kept, and told as the bug that it is
            self._context.crashed(error)

    async def measure(self, begin: float, end: float) -> Reading:
        """What was read between two monotonic times."""
        context, participants = self._context, self._participants
        await asyncio.sleep(begin - context.clock.now())
        first = count(context, participants)
        await asyncio.sleep(_AFTER_COUNTING)
        context.health.forget()
        await asyncio.sleep(end - context.clock.now())
        health, cpu = context.health.verdict(), cpu_seconds()
        last = count(context, participants, cpu)
        return self._reading(first, last, health.to_dict())

    def _reading(self, first: Counters, last: Counters, health: dict[str, float]) -> Reading:
        seconds, times = last.time - first.time, self._joins.times
        call_share = (last.cpu - first.cpu) / seconds / self.joined if self.joined else 0.0
        waited = [
            clock.total
            for entry in self._entries
            if entry.joined and entry.participant.expects_media
            and (clock := entry.participant.join_clock) is not None and clock.total is not None
        ]  # fmt: skip
        return Reading(
            joined=self.joined,
            join_failures=self.failed,
            join_cpu_seconds=join_cpu(
                self._cpu_joined - self._cpu_before, call_share, self._joins.participant_seconds(self._all_in)
            ),
            join_seconds_p95=p95(waited),
            first_joined=times[0] if times else None,
            last_joined=times[-1] if times else None,
            seconds=seconds,
            cpu_seconds=last.cpu - first.cpu,
            waited_seconds=None if first.waited is None or last.waited is None else last.waited - first.waited,
            packets_sent=last.sent - first.sent,
            packets_received=last.received - first.received,
            packets_lost=last.lost - first.lost,
            streams=len(last.streams),
            streams_measured=measured_streams(first, last),
            socket_drops=last.drops - first.drops,
            loop_lag_p99_seconds=health["loop_lag_p99_seconds"],
            pacing_error_p99_seconds=health["pacing_error_p99_seconds"],
            decode_overload=int(health["decode_overload"]),
            decode_delay_p99_seconds=health["decode_delay_p99_seconds"],
            rss_bytes=max(0, rss_bytes() - self._rss),
            native=self._context.reading is not None,
            packets_authenticated=last.authenticated - first.authenticated,
            elsewhere=sum(p.topology != self._work.topology for p in self._participants),
            errors=tuple(f"{e.phase}: {e.message}" for e in counted_errors(self._context.errors))[:_MOST_ERRORS],
            bugs=tuple(f"{what} ({times} times)" for what, times in self._context.crashes.items())[:_MOST_ERRORS],
        )

    async def leave(self) -> None:
        """Everybody leaves; what does not get away in time is left to the end of the process."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_LEAVE_DEADLINE)
