"""Which packets of a stream arrived at the far end, told apart from how a receiver would count them.

`probe.measure.rtp_stream` does the same with a ring of 1024 and RFC 3550's doubts; this is the reference it is held
against, so it shares no code with it and knows no doubts: nothing but the order of arrival counts.
"""

from __future__ import annotations

from typing import Literal

Arrival = Literal["new", "reordered", "duplicate"]

WINDOW = 1 << 15
"""Numbers kept open; older ones are final. More than a link holds back at 3000 packets/s and its longest delay."""


class ArrivalPattern:
    """Feed it the extended numbers in order of arrival."""

    def __init__(self, window: int = WINDOW) -> None:
        self.packets = self.duplicates = self.reordered = 0
        self._window = window
        self._base = 0
        self._arrived = bytearray()
        self._closed = 0
        self._closed_runs = 0
        self._closed_with_loss = False

    def arrive(self, number: int) -> Arrival:
        """One copy arrived. "reordered" (RFC 4737 section 3): after a higher number, and not for the second time."""
        if not self._arrived:
            self._base = number
        position = number - self._base
        if position < 0:
            return self._before(number)
        if position < len(self._arrived):
            if self._arrived[position]:
                self.duplicates += 1
                return "duplicate"
            self._arrived[position] = 1
            self.packets += 1
            self.reordered += 1
            return "reordered"
        self._arrived.extend(bytes(position - len(self._arrived)) + b"\x01")
        self.packets += 1
        if len(self._arrived) > 2 * self._window:
            self._close(self._window)
        return "new"

    def _before(self, number: int) -> Arrival:
        if self._closed:  # final: can't be told any more, and links don't hold packets that long
            self.duplicates += 1
            return "duplicate"
        self._arrived[:0] = b"\x01" + bytes(self._base - number - 1)
        self._base = number
        self.packets += 1
        self.reordered += 1
        return "reordered"

    def _close(self, count: int) -> None:
        oldest = self._arrived[:count]
        self._closed_runs += _runs(oldest, self._closed_with_loss)
        self._closed_with_loss = not oldest[-1]
        self._closed += count
        self._base += count
        del self._arrived[:count]

    @property
    def expected(self) -> int:
        """From the lowest to the highest number that arrived."""
        return self._closed + len(self._arrived)

    @property
    def missing(self) -> int:
        """Of those, how many did not: lost here, lost before, or never sent."""
        return self.expected - self.packets

    @property
    def runs(self) -> int:
        """Unbroken runs that the missing ones fall into."""
        return self._closed_runs + _runs(self._arrived, self._closed_with_loss)

    @property
    def burst_ratio(self) -> float:
        """Mean run length over that of random loss at the same ratio, 1 / (1 - ratio) (G.107 section 3.5). Unclamped; 1
        without loss."""
        return self.missing / self.runs * self.packets / self.expected if self.missing else 1.0


def _runs(arrived: bytearray, follows_loss: bool) -> int:
    """Runs of zeros that begin in `arrived`; one at its very start only if what came before was no loss."""
    begins = arrived.count(b"\x01\x00")
    return begins + (1 if arrived and not arrived[0] and not follows_loss else 0)
