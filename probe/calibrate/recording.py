"""Links that also remember, one by one, the datagrams beside the media: what round trips are made of."""

from __future__ import annotations

from random import Random
from typing import NamedTuple

from probe.client.emulation import Emulation
from sfu_shim.core.link.link import Copy, Link
from sfu_shim.core.link.schedule import Schedule

HISTORY = 1 << 16
"""Packets of a stream remembered one by one: ten minutes of what a calibration sends."""
_SENDER_OR_RECEIVER_REPORT = (200, 201)
_STUN_REQUEST, _STUN_ANSWER = b"\x00\x01", b"\x01\x01"


class Passed(NamedTuple):
    """A datagram that came to a link at `arrival` (the kernel's time) and left it at `released`, seconds."""

    arrival: float
    released: float

    @property
    def delay(self) -> float:
        return self.released - self.arrival


class RecordingLink(Link):
    """`reports`: compound RTCP that begins with a report (SRTCP leaves its first 8 bytes in clear, RFC 3711 section 3.4),
    in the order in which they left; copies that the link made are left out. `requests` and `answers`: STUN, by
    transaction (RFC 8489 section 5); of one sent twice the first."""

    def __init__(self, schedule: Schedule, rng: Random, start: float) -> None:
        super().__init__(schedule, rng, start, history=HISTORY)
        self.reports: list[Passed] = []
        self.requests: dict[bytes, Passed] = {}
        self.answers: dict[bytes, Passed] = {}
        self._reports_seen: set[bytes] = set()

    def note_released(self, copy: Copy, actual: float) -> None:
        super().note_released(copy, actual)
        passed = Passed(copy.arrival, actual)
        if copy.packet.kind == "rtcp" and copy.data[1] in _SENDER_OR_RECEIVER_REPORT:
            if copy.data not in self._reports_seen:
                self._reports_seen.add(copy.data)
                self.reports.append(passed)
        elif copy.packet.kind == "stun" and copy.data[:2] in (_STUN_REQUEST, _STUN_ANSWER):
            by_transaction = self.requests if copy.data[:2] == _STUN_REQUEST else self.answers
            by_transaction.setdefault(copy.data[8:20], passed)


class RecordingEmulation(Emulation):
    """Emulated accesses whose links are all `RecordingLink`s."""

    def new_link(self, schedule: Schedule, start: float) -> RecordingLink:
        """One direction of an access."""
        return RecordingLink(schedule, self._rng, start)
