"""How often a publisher is asked for a keyframe. Pure.

Thirty subscribers that lose the same packet ask thirty times; one keyframe serves them all, and each costs the
publisher's bitrate a burst. A request that comes too early after the last one waits; a keyframe that comes meanwhile
answers it.
"""

from __future__ import annotations

MIN_INTERVAL = 0.3
"""Seconds between two requests to one source."""


class KeyframeThrottle:
    def __init__(self, interval: float = MIN_INTERVAL) -> None:
        self._interval = interval
        self._wanted = False
        self._last: float | None = None

    def want(self) -> None:
        """Somebody needs a keyframe."""
        self._wanted = True

    def keyframe_came(self) -> None:
        """Who waited is served."""
        self._wanted = False

    def due(self, now: float) -> bool:
        """Whether to send a request now; the caller does send it then."""
        if not self._wanted or (self._last is not None and now - self._last < self._interval):
            return False
        self._wanted = False
        self._last = now
        return True
