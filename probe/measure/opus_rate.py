"""How much an Opus stream encodes while somebody talks, from packet headers alone: the bitrate on which the E-model's figures rest.

Where nobody talks a sender may send next to nothing: packets of up to 3 bytes (the encoder's "need not be sent" is 1 or 2, opus.h;
digital silence is 3), or one in 400 ms (DTX, RFC 6716 section 2.1.9). That is no worse coding of speech, and left out.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

CLOCK_RATE = 48_000
"""RTP ticks a second, whatever the sampling rate (RFC 7587 section 4.1)."""
LONGEST = 5_760
"""Ticks of the longest packet, 120 ms (RFC 6716 section 2.1.4): what follows later follows on silence."""
SHORTEST = 120
"""Ticks of the shortest, 2.5 ms."""
SILENCE = 3
"""Bytes of payload."""


class OpusRate:
    """One stream. `packet_seconds`: the time that a packet holds, which is the least between two neighbours of the last window;
    20 ms, WebRTC's default, before there were any."""

    def __init__(self) -> None:
        self.packet_seconds = 0.02
        self._sequence = self._timestamp = 0
        self._began = False
        self._bytes = self._packets = 0
        self._shortest = LONGEST + 1

    def on_packets(
        self, sequences: NDArray[np.int64], timestamps: NDArray[np.int64], sizes: NDArray[np.uint32]
    ) -> None:
        """Distinct packets in order of arrival: extended numbers, extended RTP timestamps, bytes of payload."""
        if not len(sequences):
            return
        steps = np.diff(timestamps, prepend=self._timestamp)
        neighbours = np.diff(sequences, prepend=self._sequence) == 1
        neighbours[0] &= self._began
        self._began, self._sequence, self._timestamp = True, sequences.item(-1), timestamps.item(-1)
        spoken = (sizes > SILENCE) & ~(neighbours & (steps > LONGEST))
        self._bytes += int(sizes[spoken].sum())
        self._packets += int(np.count_nonzero(spoken))
        self._shortest = int(steps[neighbours & (steps >= SHORTEST)].min(initial=self._shortest))

    def take(self) -> float:
        """Bits per second since the last call; 0 where nobody talked."""
        if self._shortest <= LONGEST:
            self.packet_seconds = self._shortest / CLOCK_RATE
        held, size = self._packets * self.packet_seconds, self._bytes
        self._bytes = self._packets = 0
        self._shortest = LONGEST + 1
        return size * 8 / held if held else 0.0
