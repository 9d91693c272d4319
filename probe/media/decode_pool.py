"""Worker threads for decoding: many streams, each in its own order, none able to drown the others."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Lock, Thread
from typing import Any, TypeVar

from probe.model.errors import MeasurementError

T = TypeVar("T")
QUEUE_LIMIT = 60
"""Tasks that may wait per stream: two seconds of video at 30 fps."""

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Stream:
    worker: int
    pending: int = 0
    refused: int = 0
    leaving: bool = False


@dataclass(frozen=True, slots=True)
class _Task:
    key: Hashable
    stream: _Stream
    run: Callable[[], None]


class DecodePool:
    """Runs tasks in `workers` threads (by default one per CPU, at least 2). Tasks of one stream run one after the
    other, in the order of `submit`, on one worker; so what they share (a decoder, a scorer) needs no lock.

    `overloaded` counts refused tasks, `errors` tasks that raised (logged, the last kept in `last_error`), `dropped`
    those that were not done when `close` gave up. Any thread may call any method, but a worker's not `close`.
    """

    def __init__(self, workers: int | None = None, queue_limit: int = QUEUE_LIMIT) -> None:
        count = workers if workers is not None else max(2, os.cpu_count() or 2)
        if count < 1 or queue_limit < 1:
            raise ValueError("a pool needs at least one worker and one place in its queues")
        self.overloaded = self.errors = self.dropped = 0
        self.last_error: Exception | None = None
        self._limit = queue_limit
        self._lock = Lock()
        self._streams: dict[Hashable, _Stream] = {}
        self._queues: list[SimpleQueue[_Task | None]] = [SimpleQueue() for _ in range(count)]
        self._closing = self._aborting = False
        self._threads = [Thread(target=self._work, args=(queue,), daemon=True) for queue in self._queues]
        for thread in self._threads:
            thread.start()

    def submit(
        self, key: Hashable, fn: Callable[..., T], *args: Any, done: Callable[[T], object] | None = None
    ) -> bool:
        """Queues `fn(*args)` for stream `key`; its result goes to `done` in the worker's thread. False if the stream's
        queue is full: the task is refused and counted. Raises MeasurementError after `close`."""

        def run() -> None:
            result = fn(*args)
            if done is not None:
                done(result)

        with self._lock:
            if self._closing:
                raise MeasurementError("the decode pool is closed", phase="decode")
            stream = self._streams.get(key) or self._enter(key)
            if stream.pending >= self._limit:
                stream.refused += 1
                self.overloaded += 1
                return False
            stream.pending += 1
            stream.leaving = False
            self._queues[stream.worker].put(_Task(key, stream, run))
        return True

    def refused(self, key: Hashable) -> int:
        """How many tasks of that stream were refused; 0 for a stream it does not know."""
        with self._lock:
            stream = self._streams.get(key)
            return stream.refused if stream else 0

    @property
    def pending(self) -> int:
        """Tasks that are queued or running."""
        with self._lock:
            return sum(stream.pending for stream in self._streams.values())

    def forget(self, key: Hashable) -> None:
        """The stream has ended: what is queued still runs, then its place is free."""
        with self._lock:
            stream = self._streams.get(key)
            if stream is not None:
                stream.leaving = True
                self._leave(key, stream)

    def close(self, deadline: float = 5.0) -> bool:
        """Takes no more tasks, runs what is queued for at most `deadline` seconds, and drops the rest (`dropped`).
        True when nothing was dropped. A task that hangs keeps its (daemon) thread."""
        with self._lock:
            if not self._closing:
                self._closing = True
                for queue in self._queues:
                    queue.put(None)
        until = time.monotonic() + deadline
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))
        with self._lock:
            if any(thread.is_alive() for thread in self._threads) and not self._aborting:
                self._aborting = True
                self.dropped = sum(stream.pending for stream in self._streams.values())
            return not self.dropped

    def _enter(self, key: Hashable) -> _Stream:
        """A new stream goes to the worker with the fewest."""
        loads = [0] * len(self._queues)
        for stream in self._streams.values():
            loads[stream.worker] += 1
        self._streams[key] = stream = _Stream(loads.index(min(loads)))
        return stream

    def _leave(self, key: Hashable, stream: _Stream) -> None:
        if stream.leaving and stream.pending == 0 and self._streams.get(key) is stream:
            del self._streams[key]

    def _work(self, queue: SimpleQueue[_Task | None]) -> None:
        while (task := queue.get()) is not None:
            error = None if self._aborting else self._run(task)
            with self._lock:
                task.stream.pending -= 1
                if error is not None:
                    self.errors, self.last_error = self.errors + 1, error
                self._leave(task.key, task.stream)

    def _run(self, task: _Task) -> Exception | None:
        try:
            task.run()
        except Exception as error:  # noqa: BLE001 - a worker must outlive any task of any stream
            _log.warning("decoding failed for stream %r", task.key, exc_info=error)
            return error
        return None
