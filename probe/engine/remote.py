"""An engine in another process, as its parent sees it. One that is lost takes its meetings with it, and nothing else."""

from __future__ import annotations

import asyncio
from typing import TypeVar

from probe.child_process import ChildProcess, Loss
from probe.engine.outcome import Outcome
from probe.engine.protocol import (
    ANSWERS,
    Close,
    Closed,
    Deliver,
    Delivered,
    Failed,
    Held,
    Hold,
    Message,
    Ready,
    Setup,
    Snapshot,
    decode,
    encode,
)
from probe.model.errors import MeasurementError, ProbeError
from probe.model.plan import longest_round

READY_DEADLINE = 120.0
"""Seconds until an engine is on its stage: two on an idle machine, more where the media are not in the cache."""
SILENCE = 30.0
"""Seconds without a snapshot, which come four times a second, after which an engine hangs."""
_CLOSE_DEADLINE = 60.0
_DELIVER_DEADLINE = 120.0

Answer = TypeVar("Answer", bound=Message)


class RemoteEngine:
    """`await start(…)`, `await ready(setup)`, then as `probe.engine.engine.Engine`: hold, close, deliver, snapshot; `await end()`.

    From `hold` on nothing is raised: `lost` says what became of the process, and all further calls return at once.
    """

    def __init__(self, child: ChildProcess, number: int) -> None:
        self.number = number
        self.lost: Loss | None = None
        self._meetings = 0
        self._child = child
        self._setup: Setup | None = None
        self._first_answer = True
        self._latest = Snapshot()

    @classmethod
    async def start(cls, number: int) -> RemoteEngine:
        """The process; its imports take about a second, so start all before waiting for one."""
        return cls(await ChildProcess.start(f"process {number}", "probe.engine"), number)

    @property
    def pid(self) -> int:
        return self._child.pid

    async def ready(self, setup: Setup) -> None:
        """Set it up. Raises what its stage raises (ConfigError, MediaError), and MeasurementError when it is not there in time."""
        self._setup = setup
        self._child.send(encode(setup, first=True))
        await self._expect(Ready, READY_DEADLINE, READY_DEADLINE)

    async def hold(self, hold: Hold) -> None:
        """The meetings of a round, until the last is over or the process is lost."""
        if self.lost is None and self._setup is not None and hold.meetings:
            self._meetings += len(hold.meetings)
            await self._ask(hold, Held, longest_round(self._setup.scenario))

    async def close(self) -> None:
        """Call off what is under way; everybody leaves."""
        if self.lost is None:
            await self._ask(Close(), Closed, _CLOSE_DEADLINE)

    async def deliver(self, *, vmaf: bool = True) -> Outcome | None:
        """What it measured; None when the process is lost."""
        if self.lost is None:
            delivered = await self._ask(Deliver(vmaf=vmaf), Delivered, _DELIVER_DEADLINE, silence=_DELIVER_DEADLINE)
            if delivered is not None:
                try:
                    return Outcome.from_dict(delivered.outcome)
                except ValueError as error:
                    await self._lose(MeasurementError(str(error), who=self._child.name, phase="process"))
        return None

    def running(self) -> None:
        """It keeps to itself what it measures, until it delivers."""

    def snapshot(self) -> Snapshot:
        """The last that it told."""
        return self._latest

    async def end(self) -> None:
        """Its process has ended when this returns."""
        await self._child.end()

    async def _ask(
        self, command: Message, kind: type[Answer], within: float, silence: float | None = None
    ) -> Answer | None:
        self._child.send(encode(command))
        try:
            return await self._expect(kind, within, SILENCE if silence is None else silence)
        except ProbeError as error:
            await self._lose(error)
            return None

    async def _expect(self, kind: type[Answer], within: float, silence: float) -> Answer:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + within
        while (left := deadline - loop.time()) > 0:
            line = await self._child.read(min(silence, left))
            answer = decode(line, ANSWERS, first=self._first_answer)
            self._first_answer = False
            if isinstance(answer, kind):
                return answer
            if isinstance(answer, Failed):
                raise answer.error()
            if isinstance(answer, Snapshot):
                self._latest = answer
            elif not isinstance(answer, Held):  # a round that ended just when it was called off
                raise MeasurementError(
                    f"said {answer.type!r} where {kind.type!r} was expected", who=self._child.name, phase="process"
                )
        raise MeasurementError(f"not {kind.type} within {within:g} s", who=self._child.name, phase="process")

    async def _lose(self, error: ProbeError) -> None:
        """It hangs, has crashed, was killed, or talks nonsense."""
        meetings = f"its {self._meetings} meetings are" if self._meetings != 1 else "its meeting is"
        self.lost = self._child.loss(error, f"{meetings} missing from the figures")
        self._latest = self._latest.model_copy(update={"participants": (), "unlisted": 0})
        await self._child.kill()
