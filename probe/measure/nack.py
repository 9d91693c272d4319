"""Which packets to ask for again, and when (RFC 4585 generic NACK, at the receiver)."""

from __future__ import annotations

from probe.measure.rtp_stream import MAX_DROPOUT

REPEAT_AFTER = 0.020
"""Seconds between two requests for one packet, at least; a longer round trip is waited for."""


class NackGenerator:
    """Missing packets of one stream. `reorder_tolerance`: seconds that a packet may be late before it is asked for.

    At most `history` packets are missed at one time: the oldest are given up, for by then only a keyframe helps.
    """

    def __init__(self, *, reorder_tolerance: float = 0.0, max_tries: int = 10, history: int = 1000) -> None:
        if reorder_tolerance < 0 or max_tries < 1 or history < 1:
            raise ValueError(f"tolerance {reorder_tolerance} s, {max_tries} tries, history {history} make no sense")
        self._tolerance = reorder_tolerance
        self._max_tries = max_tries
        self._history = history
        self._highest: int | None = None
        self._missing: dict[int, tuple[float, int]] = {}  # sequence: (when to ask next, requests so far), ascending
        self.requested = 0
        self.given_up = 0

    @property
    def missing(self) -> int:
        """Packets that are still waited for."""
        return len(self._missing)

    def on_packet(self, sequence: int, now: float) -> None:
        """A packet with that extended number arrived, at first or by retransmission. A jump too far for loss is a
        restarted sender: what was missing will not come."""
        highest = self._highest
        if highest is not None and sequence - highest >= MAX_DROPOUT:
            self.reset()
            highest = None
        if highest is None or sequence == highest + 1:
            self._highest = sequence
        elif sequence <= highest:
            self._missing.pop(sequence, None)
        else:
            first = max(highest + 1, sequence - self._history)
            self.given_up += first - highest - 1
            self._missing.update(dict.fromkeys(range(first, sequence), (now + self._tolerance, 0)))
            self._highest = sequence
            while len(self._missing) > self._history:
                self._give_up(next(iter(self._missing)))

    def on_run(self, first: int, last: int) -> bool:
        """All packets from `first` to `last` arrived in order. False, and nothing is done, unless they follow on what was
        there: then each has to be told alone."""
        if self._highest is None or first != self._highest + 1:
            return False
        self._highest = last
        return True

    def due(self, now: float, rtt: float) -> list[int]:
        """Extended numbers to ask for now, ascending. Each repeats after max(rtt, 20 ms), `max_tries` times in all, and
        is given up when the last request has had its time too."""
        wait = max(rtt, REPEAT_AFTER)
        asked: list[int] = []
        for sequence, (when, tries) in list(self._missing.items()):
            if when > now:
                continue
            if tries >= self._max_tries:
                self._give_up(sequence)
                continue
            self._missing[sequence] = (now + wait, tries + 1)
            asked.append(sequence)
        self.requested += len(asked)
        return asked

    def reset(self) -> None:
        """The stream restarted, or a keyframe made the past worthless: nothing is missing now."""
        self.given_up += len(self._missing)
        self._missing.clear()
        self._highest = None

    def _give_up(self, sequence: int) -> None:
        del self._missing[sequence]
        self.given_up += 1
