"""Transport-wide feedback of one peer connection: sent while numbered packets come, so that the sender goes on sending.

Only the receiving half exists, on purpose. Our own senders send what the scenario says and have no congestion control, so they
never number their packets: between two of our peers the extension is negotiated, and not a byte of it flows.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import numpy as np

from probe.measure.records import Records
from probe.measure.twcc import MAX_INTERVAL, MIN_INTERVAL, TransportArrivals, feedback_interval
from probe.rtc.transceiver import Transceiver
from probe.wire.extensions import TRANSPORT_CC
from probe.wire.rtp import RtpHeader

_NUMBERED = 0x10000
"""In a record's `transport`: its lower 16 bits are a transport-wide number."""
_GATHERED_INTERVAL = 0.1
"""Seconds between two feedbacks that records are asked for, which costs more than to send them."""

At = Callable[[float, Callable[[float], None]], object]


class TwccSession:
    """`at(due, callback)` calls back once (`TimerWheel.at`), `now` gives monotonic seconds, `send` puts clear RTCP on the wire
    under `own_ssrc()`. `gather()`, where packets are counted without Python, makes everybody hand over their records before
    feedback is written, of all streams: what is missing then is told as lost. `feedbacks` counts what was sent.

    Nothing is armed and nothing sent while nothing comes."""

    def __init__(
        self,
        at: At,
        now: Callable[[], float],
        own_ssrc: Callable[[], int],
        send: Callable[[bytes], None],
        gather: Callable[[], None] | None = None,
    ) -> None:
        self.feedbacks = 0
        self._at = at
        self._now = now
        self._own_ssrc = own_ssrc
        self._send = send
        self._gather = gather
        self._arrivals = TransportArrivals()
        self._extension = 0  # no element has this id (RFC 8285 section 4.2)
        self._media_ssrc = 0
        self._bytes = 0
        self._interval = MIN_INTERVAL
        self._last = -math.inf
        self._armed = False
        self._closed = False

    @property
    def extension_id(self) -> int | None:
        """Under which packets carry their transport-wide number; None if they are not to be answered for."""
        return self._extension or None

    def negotiated(self, transceivers: Iterable[Transceiver]) -> None:
        """After each exchange of descriptions. Feedback is due where both the extension and `transport-cc` (RFC 4585) were
        agreed on; an id means the same in all sections of a bundle (RFC 9143 section 9.2)."""
        asked = (t for t in transceivers if any("transport-cc" in codec.feedback for codec in t.codecs))
        self._extension = next((found for t in asked if (found := t.extension_id(TRANSPORT_CC))), 0)

    def on_packet(self, header: RtpHeader, size: int, arrival: float) -> None:
        """Any RTP packet of the transport, retransmissions and padding too: `size` in bytes, `arrival` by the kernel."""
        value = header.extensions.get(self._extension)
        if value is None or len(value) not in (2, 4):  # 4: the extension's second version, its request is not followed
            return
        self._arrivals.on_packet(value[0] << 8 | value[1], arrival)
        self._came(header.ssrc, size)

    def on_records(self, ssrc: int, records: Records) -> None:
        """Packets of one source that were counted without Python: their `transport` tells the number, where there was one."""
        if not self._extension:
            return
        numbered = records[records["transport"] >= _NUMBERED]
        if len(numbered):
            self._arrivals.on_batch(numbered["transport"].astype(np.uint16), numbered["arrival"])
            self._came(ssrc, int(numbered["size"].sum()))

    def _came(self, ssrc: int, size: int) -> None:
        self._media_ssrc = ssrc  # senders look at it: feedback on a source that is not theirs is not for them
        self._bytes += size
        if not self._armed and not self._closed:
            now = self._now()
            if now - self._last > MAX_INTERVAL:  # the beginning, or the end of a pause, of which no rate can be told
                self._last, self._interval = now, MIN_INTERVAL
            self._arm(max(now, self._last + self._interval))

    def _arm(self, due: float) -> None:
        self._armed = True
        self._at(due, self._flush)

    def _flush(self, due: float) -> None:
        if self._closed:
            return
        if self._gather is not None:
            self._gather()
        now = self._now()
        self._interval = feedback_interval(8 * self._bytes / max(MIN_INTERVAL, now - self._last))
        self._last, self._bytes, self._armed = now, 0, False
        told = self._arrivals.take(self._own_ssrc(), self._media_ssrc)
        for feedback in told:
            self.feedbacks += 1
            self._send(feedback.to_bytes())
        if told and self._gather is not None:  # nobody else says that more came
            self._arm(now + max(self._interval, _GATHERED_INTERVAL))

    def close(self) -> None:
        """No more feedback."""
        self._closed = True
