"""The packets of one RTP stream by their sequence numbers: lost, recovered, late, repeated, and their jitter (RFC 3550 A).

probe.native has the same class in C; this one defines what both have to say.
"""

from __future__ import annotations

from typing import NamedTuple

WINDOW = 1024
"""How far behind the highest number, in packets, a late one still fills its hole."""
MAX_DROPOUT = 3000
"""A number this far ahead, or `WINDOW` behind, is no loss but a stray or a restarted sender (RFC 3550 A.1)."""
CLOCK_JUMP = 10.0
"""Seconds between two packets' transit times that no network makes: the sender's timestamps were set anew."""

_MASK = WINDOW - 1
_MISSING, _RECEIVED, _RECOVERED, _UNBORN = range(4)
_MISSING_OR_RECEIVED = bytes((_MISSING, _RECEIVED, _MISSING, _RECEIVED))


class PacketFate(NamedTuple):
    """What a packet turned out to be. `extended` is its extended number.

    `new`: the first to bring its content: hand on these and no others. `duplicate`: brings what arrived before the same
    way. `reordered`: it came after a higher number (RFC 4737's sense; never a duplicate), and is not new where a
    retransmission was faster. `restarted`: the stream began anew here; numbers go on upwards, but what was missing
    before will not come. All false: a stray, or the first packet of a restart, which only its successor can tell.
    """

    extended: int
    new: bool
    duplicate: bool
    reordered: bool
    restarted: bool = False


class _Suspect(NamedTuple):
    """A packet far from the others: it counts only once its successor follows it (RFC 3550 A.1)."""

    sequence: int
    timestamp: int
    arrival: float
    accepted: int


class StreamCounter:
    """Counts one SSRC. `clock_rate` in Hz. All times are seconds of one monotonic clock.

    The first packet is valid at once: its SSRC was signalled, so RFC 3550's probation would only lose packets. Jitter
    (section 6.4.1) runs over distinct first transmissions in order of arrival: reordered ones count, duplicates don't.
    `arrival` is that of the last of them, 0 before the first.
    """

    __slots__ = (
        "_base", "_closed_expected", "_highest", "_in_run", "_ring", "_runs", "_suspect", "_timestamp", "arrival", "bytes",
        "clock_rate", "duplicates", "jitter_seconds", "packets", "recovered", "reordered", "restarts", "ssrc", "strays",
    )  # fmt: skip

    def __init__(self, ssrc: int, clock_rate: int) -> None:
        if clock_rate <= 0:
            raise ValueError(f"clock rate {clock_rate} Hz is not positive")
        self.ssrc = ssrc
        self.clock_rate = clock_rate
        self.packets = self.bytes = self.duplicates = self.reordered = 0
        self.recovered = self.strays = self.restarts = 0
        self.jitter_seconds = 0.0
        self._ring = bytearray((_UNBORN,)) * WINDOW
        self._base = 0
        self._highest: int | None = None
        self._closed_expected = 0
        self._runs = 0
        self._in_run = False
        self._suspect: _Suspect | None = None
        self._timestamp: int | None = None
        self.arrival = 0.0

    def on_packet(self, sequence: int, timestamp: int, arrival: float, size: int) -> PacketFate:
        """A packet of the stream arrived: 16-bit sequence, 32-bit timestamp, size in bytes."""
        self.bytes += size
        highest = self._highest
        if highest is None:
            self._begin(sequence)
            self._received(timestamp, arrival)
            return PacketFate(sequence, True, False, False)
        ahead = (sequence - highest) & 0xFFFF
        if 0 < ahead < MAX_DROPOUT:
            extended = highest + ahead
            if ahead > 1:
                self._skip(highest + 1, extended)
            slot = extended & _MASK
            gone = self._ring[slot]
            if gone != _RECEIVED or self._in_run:
                self._finalise(gone)
            self._ring[slot] = _RECEIVED
            self._highest = extended
            self._received(timestamp, arrival)
            return PacketFate(extended, True, False, False)
        if ahead == 0 or ahead > 0x10000 - WINDOW:
            return self._behind(highest - (-ahead & 0xFFFF), timestamp, arrival)
        return self._far(highest + ahead, sequence, timestamp, arrival)

    def on_recovered(self, sequence: int) -> PacketFate | None:
        """A retransmission (RFC 4588) brought the packet `sequence`. New if it fills a hole, else a duplicate. None, and
        not to be handed on, for a number outside the window: too old, or not reached yet."""
        highest = self._highest
        if highest is None or (highest - sequence) & 0xFFFF >= WINDOW:
            return None
        extended = highest - ((highest - sequence) & 0xFFFF)
        if extended < self._base:
            return None
        fills = self._ring[extended & _MASK] == _MISSING
        if fills:
            self._ring[extended & _MASK] = _RECOVERED
            self.recovered += 1
        return PacketFate(extended, fills, not fills, False)

    @property
    def expected(self) -> int:
        """Packets that should have arrived by now (RFC 3550 A.3), over all restarts."""
        current = 0 if self._highest is None else self._highest - self._base + 1
        return self._closed_expected + current

    @property
    def highest(self) -> int | None:
        """Highest extended number so far, None before the first packet."""
        return self._highest

    @property
    def loss_runs(self) -> int:
        """Runs of lost first transmissions, exact for the pattern so far: those behind the window are final, those
        within it are read as they stand."""
        if self._highest is None:
            return 0
        oldest = (self._highest + 1) & _MASK
        pattern = (self._ring[oldest:] + self._ring[:oldest]).translate(_MISSING_OR_RECEIVED.ljust(256, b"\x01"))
        runs = sum(1 for run in pattern.split(b"\x01") if run)
        return self._runs + runs - (self._in_run and pattern[0] == _MISSING)

    def _begin(self, extended: int) -> None:
        self._ring[extended & _MASK] = _RECEIVED
        self._base = self._highest = extended

    def _received(self, timestamp: int, arrival: float) -> None:
        """Count a first transmission, and its share of the jitter (RFC 3550 section 6.4.1, in seconds)."""
        self.packets += 1
        last = self._timestamp
        if last is not None:
            ticks = ((timestamp - last + 0x80000000) & 0xFFFFFFFF) - 0x80000000
            difference = abs(arrival - self.arrival - ticks / self.clock_rate)
            if difference < CLOCK_JUMP:
                self.jitter_seconds += (difference - self.jitter_seconds) / 16.0
        self._timestamp = timestamp
        self.arrival = arrival

    def _skip(self, start: int, end: int) -> None:
        """Numbers that were jumped over: missing until they come late."""
        ring = self._ring
        for extended in range(start, end):
            self._finalise(ring[extended & _MASK])
            ring[extended & _MASK] = _MISSING

    def _finalise(self, state: int) -> None:
        """The state of a number that leaves the window can't change any more."""
        lost = state in (_MISSING, _RECOVERED)
        if lost and not self._in_run:
            self._runs += 1
        self._in_run = lost

    def _behind(self, extended: int, timestamp: int, arrival: float) -> PacketFate:
        """A number within the window behind the highest, or the highest again."""
        slot = extended & _MASK
        state = self._ring[slot]
        if state == _RECEIVED:
            self.duplicates += 1
            return PacketFate(extended, False, True, False)
        if state == _UNBORN:  # reordered at the start: the stream began before the packet that came first
            for earlier in range(extended + 1, self._base):
                self._ring[earlier & _MASK] = _MISSING
            self._base = extended
        self.recovered -= state == _RECOVERED
        self._ring[slot] = _RECEIVED
        self.reordered += 1
        self._received(timestamp, arrival)
        return PacketFate(extended, state != _RECOVERED, False, True)

    def _far(self, extended: int, sequence: int, timestamp: int, arrival: float) -> PacketFate:
        """A number far from the highest: a stray, unless the next packet follows it directly (RFC 3550 A.1)."""
        suspect = self._suspect
        if suspect is None or (suspect.sequence + 1) & 0xFFFF != sequence or suspect.accepted != self.packets:
            self.strays += 1
            self._suspect = _Suspect(sequence, timestamp, arrival, self.packets)
            return PacketFate(extended, False, False, False)
        self.strays -= 1
        self._restart(extended - 1)
        self._received(suspect.timestamp, suspect.arrival)
        self.on_packet(sequence, timestamp, arrival, 0)
        return PacketFate(extended, True, False, False, True)

    def _restart(self, first: int) -> None:
        """Close the books on all numbers so far, and begin at `first`, above them all."""
        oldest = (self._highest or 0) + 1
        for position in range(WINDOW):
            self._finalise(self._ring[(oldest + position) & _MASK])
        self._in_run = False
        self._closed_expected = self.expected
        self._ring[:] = bytearray((_UNBORN,)) * WINDOW
        self._suspect = self._timestamp = None
        self.restarts += 1
        self._begin(first)
