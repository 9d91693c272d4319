"""When Python's cycle collector looks at what. A look at everybody is a stall of the generator: nobody sends meanwhile.

A participant is some 400 objects that hold each other, and looking at them takes 0.3 ms: an eighth of a second for a run of
400. Python would look whenever so many objects were made. But joining makes no garbage of that kind; only a connection that
is over leaves some. So new objects are looked at a few at a time, and the old ones not before as many connections are over as
are still there. That bounds the memory that waits to be freed, and makes what it costs a constant for each connection.
"""

from __future__ import annotations

import asyncio
import gc

_YOUNG = 500
"""New objects that are looked at together: among 600 participants 1.4 ms, at most 2.9; of 2000 it was up to 5.6."""
_NEVER = 4_000
"""Rounds until Python looks at more by itself: two million objects, which no run has without connections that end."""
_FEWEST = 100
"""Connections that have to be over, however few are left."""
_LATER = 5.0
"""Seconds: connections end when a room moves, and a stall would be read as a gap in the media that moves."""


class Garbage:
    """`begin` when everything slow is done, `end` with the run; in between it is told of each connection's beginning and end."""

    def __init__(self) -> None:
        self._open = 0
        self._over = 0
        self._before = gc.get_threshold()
        self._due: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        """What was made so far (modules, media, decoders) stays, and is never looked at."""
        gc.collect()
        gc.freeze()
        gc.set_threshold(_YOUNG, _NEVER, _NEVER)

    def connection_opened(self) -> None:
        """One more that will be garbage some day."""
        self._open += 1

    def connection_closed(self) -> None:
        """It will be garbage soon: who closes it still holds it."""
        self._open -= 1
        self.came_in_vain()

    def came_in_vain(self) -> None:
        """Somebody who never had a connection, and whom nobody holds any more, is as much garbage as one."""
        self._over += 1
        if self._over >= max(_FEWEST, self._open) and self._due is None:
            self._due = asyncio.get_running_loop().call_later(_LATER, self._collect)

    def _collect(self) -> None:
        self._due, self._over = None, 0
        gc.collect()

    def end(self) -> None:
        """As Python had it before."""
        if self._due is not None:
            self._due.cancel()
        gc.set_threshold(*self._before)
        gc.unfreeze()
