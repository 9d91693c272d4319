"""One clock for everything that is measured: monotonic seconds, with the kernel's and NTP's times translated into it."""

from __future__ import annotations

import time

NTP_EPOCH = 2_208_988_800.0
"""Seconds from 1900 (NTP, RFC 5905) to 1970 (Unix)."""

_MAX_AGE = 10.0


class Clock:
    """Monotonic seconds for a whole process.

    NTP times come from one offset, taken once, so that a stepped wall clock cannot bend a round-trip time.
    """

    def __init__(self) -> None:
        self._ntp_offset = time.time() - time.monotonic() + NTP_EPOCH

    def now(self) -> float:
        """Monotonic seconds."""
        return time.monotonic()

    def to_ntp(self, instant: float) -> float:
        """Monotonic seconds as seconds since 1900."""
        return instant + self._ntp_offset

    def from_ntp(self, ntp: float) -> float:
        """Seconds since 1900 as monotonic seconds of this process."""
        return ntp - self._ntp_offset

    def realtime_offset(self) -> float:
        """Monotonic minus wall-clock seconds, now: add it to a kernel timestamp of this moment (`from_kernel`)."""
        return time.monotonic() - time.time()

    @staticmethod
    def from_kernel(realtime: float, offset: float, now: float) -> float:
        """Arrival in monotonic seconds of a datagram that the kernel stamped with wall-clock seconds `realtime`.

        A stamp from the future, or older than ten seconds, shows that the wall clock was stepped in between; the
        time of reading is then the better answer.
        """
        arrival = realtime + offset
        return arrival if now - _MAX_AGE < arrival <= now else now
