"""What a receiver tells a sender's congestion control: which transport-wide sequence numbers came, and when.

draft-holmer-rmcat-transport-wide-cc-extensions-01 section 3. Pure: packets in, `TransportFeedback` out.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from probe.wire.rtcp_twcc import TransportFeedback

MIN_INTERVAL = 0.05
MAX_INTERVAL = 0.25
_SHARE = 0.05
_FEEDBACK_BITS = 8 * 96
"""A usual one on the wire: 28 bytes of IPv4 and UDP, 50 of feedback on some twenty packets, 18 of SRTCP's index and tag."""
_MAX_GAP = 1000
"""Numbers. A farther jump, ahead or back, is a sender that begins anew: it is not told of thousands of lost packets."""
_MAX_STEP = 8.0
"""Seconds between two neighbours in one feedback; its 16 bits of 0.25 ms hold 8.19."""
_MAX_STATUSES = 400
"""Numbers in one feedback, if none is missing for long: at most 16/7 bytes each, they stay below 1000 bytes."""
_MEMORY = 0.5
"""Seconds that what was told is remembered. A straggler within it is still told, and with it, truly, all that follow."""
_MAX_HELD = 1 << 14

_Named = list[tuple[int, float | None]]


def feedback_interval(bitrate: float) -> float:
    """Seconds until the next feedback, so that feedback takes 5 % of what comes in (bits/s), within 50 … 250 ms."""
    return max(MIN_INTERVAL, min(MAX_INTERVAL, _FEEDBACK_BITS / max(1.0, _SHARE * bitrate)))


class TransportArrivals:
    """Of one transport: the arrivals that the sender was not told of, and for a while those that it was."""

    def __init__(self) -> None:
        self._arrivals: dict[int, float] = {}
        self._highest: int | None = None
        self._untold = 0
        self._floor = -_MAX_GAP
        self._fresh = False
        self._feedbacks = 0

    def on_packet(self, sequence: int, arrival: float) -> None:
        """A packet with that 16-bit number came at `arrival` (s). Of duplicates the first counts."""
        number = self._extend(sequence)
        if number < self._floor or number in self._arrivals or len(self._arrivals) >= _MAX_HELD:
            return
        self._arrivals[number] = arrival
        # A straggler takes the next feedback back to its number; the draft lets the base sequence decrease.
        self._untold = min(self._untold, number)
        self._fresh = True

    def on_batch(self, sequences: NDArray[np.unsignedinteger], arrivals: NDArray[np.float64]) -> None:
        """The same for many packets, in any order: 16-bit numbers and seconds, of one length."""
        # Between two feedbacks there are a dozen or two: a loop takes less than numpy's calls would.
        for sequence, arrival in zip(sequences.tolist(), arrivals.tolist(), strict=True):
            self.on_packet(sequence, arrival)

    def _extend(self, sequence: int) -> int:
        """The number without its wrap. What lies slightly behind is late, all else is ahead."""
        if self._highest is None:
            self._highest = self._untold = sequence
            return sequence
        behind = (self._highest - sequence) & 0xFFFF
        if behind <= _MAX_GAP:
            return self._highest - behind
        self._highest += 0x10000 - behind
        return self._highest

    def take(self, sender_ssrc: int, media_ssrc: int) -> list[TransportFeedback]:
        """Everything since the last time, in feedbacks of bounded size; empty if nothing came."""
        if not self._fresh or self._highest is None:
            return []
        segments = self._segments(sorted(number for number in self._arrivals if number >= self._untold))
        feedbacks = [
            TransportFeedback(sender_ssrc, media_ssrc, named[0][0], count & 0xFF, tuple(named))
            for count, named in enumerate(segments, self._feedbacks)
        ]
        self._feedbacks += len(feedbacks)
        self._untold, self._fresh = self._highest + 1, False
        self._forget()
        return feedbacks

    def _segments(self, numbers: Sequence[int]) -> list[_Named]:
        """What each feedback names. Another one begins where one is full, or can't hold the way to the next number."""
        current: _Named = []
        segments = [current]
        following, before = self._untold, self._arrivals[numbers[0]]
        for number in numbers:
            arrival, missing = self._arrivals[number], range(following, number)
            began_anew = len(missing) > _MAX_GAP
            full = len(current) + len(missing) >= _MAX_STATUSES
            if began_anew or full or abs(arrival - before) > _MAX_STEP:
                current = []
                segments.append(current)
            current += [(lost & 0xFFFF, None) for lost in (() if began_anew else missing)]
            current.append((number & 0xFFFF, arrival))
            following, before = number + 1, arrival
        return [segment for segment in segments if segment]

    def _forget(self) -> None:
        """What is older than the memory, from the lowest number on; below the first that stays, all is history."""
        oldest = max(self._arrivals.values()) - _MEMORY
        for number in sorted(self._arrivals):
            if self._arrivals[number] >= oldest:
                break
            del self._arrivals[number]
            self._floor = number + 1
