"""Keeps one engine at work: starts it, harvests it, starts it again within bounds when it is lost, and closes it in the end."""

from __future__ import annotations

import logging
import time
import uuid
from typing import Any, Protocol

import gevent
from gevent.event import Event

from loadtest.link import Link
from loadtest.protocol import Close, Closed, Harvest, Harvested, Operation, Prepare, Ready
from loadtest.schedule import Restarts
from probe.engine.protocol import Message
from probe.model.errors import MeasurementError, ProbeError

HARVEST_EVERY = 2.0
_READY_DEADLINE = 60.0
_HARVEST_DEADLINE = 30.0
_CLOSE_DEADLINE = 10.0
_LAST_HARVEST_DEADLINE = 10.0
_END_DEADLINE = 3.0
_FINISH_DEADLINE = _CLOSE_DEADLINE + _LAST_HARVEST_DEADLINE + _END_DEADLINE + 5.0

logger = logging.getLogger(__name__)


class Ear(Protocol):
    """Who is told. `engine` is one incarnation's id, unique for each process that was ever started."""

    def operation(self, operation: Operation) -> None: ...
    def harvested(self, engine: str, delta: dict[str, Any], total: dict[str, Any]) -> None: ...
    def lost(self, message: str, crashed: bool) -> None: ...
    def gave_up(self, message: str) -> None: ...


class Supervisor:
    """`engine()` is for users; `finish()` for the end of the campaign. `warm_up`: seconds that the first engine took to get
    ready, 0 until it is."""

    def __init__(self, name: str, prepare: Prepare, ear: Ear, module: str = "loadtest.engine") -> None:
        self.name = name
        self.warm_up = 0.0
        self._prepare = prepare
        self._ear = ear
        self._module = module
        self._restarts = Restarts()
        self._incarnation = ""
        self._link: Link | None = None
        self._decided = Event()
        self._wake = Event()
        self._stopping = False
        self._given_up: ProbeError | None = None
        self._started = time.monotonic()
        self._greenlet = gevent.spawn(self._keep)

    def engine(self) -> Link:
        """An engine that is ready; waits while one is being started. Raises MeasurementError when no more are started."""
        while True:
            self._decided.wait()
            if self._given_up is not None:
                raise self._given_up
            if self._link is not None and self._link.error is None:
                return self._link
            gevent.sleep(0.1)  # it went a moment ago: the keeper is about to notice

    def finish(self) -> None:
        """Everybody leaves, the last harvest is brought in, the engine ends: within _FINISH_DEADLINE, whatever it does."""
        self._stopping = True
        if self._decided.is_set():
            self._wake.set()
            self._greenlet.join(timeout=_FINISH_DEADLINE)
        self._greenlet.kill()
        if self._link is not None:
            self._link.end(_END_DEADLINE)

    def _keep(self) -> None:
        while not self._stopping:
            error = self._serve()
            if error is None or self._stopping:
                return
            self._decided.clear()
            refused = self._link is not None and self._link.refused
            pause = None if refused else self._restarts.pause(time.monotonic())
            if pause is None:
                self._give_up(error, "" if refused else self._restarts.told)
                return
            logger.warning("%s is started again in %g s", self.name, pause)
            gevent.sleep(pause)

    def _give_up(self, error: ProbeError, often: str) -> None:
        why = error.message if error.who == self.name else str(error)
        self._given_up = MeasurementError(f"failed{often}: {why}", who=self.name, phase="process")
        self._decided.set()
        self._ear.gave_up(str(self._given_up))

    def _serve(self) -> ProbeError | None:
        """The life of one engine. Returns why it was lost, None if it was to end."""
        self._incarnation = uuid.uuid4().hex[:12]
        self._wake.clear()
        try:
            link = self._link = Link(self.name, self._hear, self._module)
        except OSError as error:
            return self._lose(
                MeasurementError(f"can't be started: {error}", who=self.name, phase="process"), crashed=False
            )
        link.gone.rawlink(lambda _: self._wake.set())
        try:
            link.ask(self._prepare, Ready, _READY_DEADLINE)
            self._ready(link)
            self._harvest(link)
            return None
        except ProbeError as error:
            if link.error is None:
                link.kill()
                return self._lose(error, crashed=False)
            return error if link.refused else self._lose(error, crashed=link.crashed)
        finally:
            link.end(_END_DEADLINE)

    def _ready(self, link: Link) -> None:
        self.warm_up = self.warm_up or time.monotonic() - self._started
        self._decided.set()
        logger.info("%s is ready (process %d)", self.name, link.pid)

    def _harvest(self, link: Link) -> None:
        while not self._stopping:
            self._wake.wait(timeout=HARVEST_EVERY)
            if link.error is not None:
                raise link.error
            if not self._stopping:
                link.ask(Harvest(), Harvested, _HARVEST_DEADLINE)
        try:
            link.ask(Close(), Closed, _CLOSE_DEADLINE)
        finally:  # one that can't see everybody off may still know what it measured
            link.ask(Harvest(), Harvested, _LAST_HARVEST_DEADLINE)

    def _lose(self, error: ProbeError, *, crashed: bool) -> ProbeError:
        logger.error("%s", error)
        self._ear.lost(str(error), crashed)
        return error

    def _hear(self, message: Message) -> None:
        if isinstance(message, Operation):
            self._ear.operation(message)
        elif isinstance(message, Harvested):
            self._ear.harvested(self._incarnation, message.delta, message.total)
