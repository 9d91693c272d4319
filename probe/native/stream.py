"""`StreamReceiver` with its counter in C, and the log that the compiled reader writes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from probe.measure.rtp_stream import StreamReports
from probe.measure.stream_counter import PacketFate
from probe.native import core

if TYPE_CHECKING:
    from probe.native._core import StreamCounter as _Counter
else:
    _Counter = core.StreamCounter if core is not None else type("_Absent", (), {})


class NativeStream(_Counter, StreamReports):
    """Counts as `probe.measure.rtp_stream.StreamReceiver` does. Exists only where `probe.native.available()`.

    `append` and `take` are those of `probe.measure.records.RecordLog`. `attend()` is called after packets that somebody may
    have to act on: a hole, one that came late, and each one while `eager`.
    """

    def __init__(self, ssrc: int, clock_rate: int) -> None:
        super().__init__(ssrc, clock_rate)
        self.attend: Callable[[], None] = _nobody
        self.begin_reports()

    def on_packet(self, sequence: int, timestamp: int, arrival: float, size: int) -> PacketFate:
        """As StreamCounter.on_packet."""
        return PacketFate(*super().on_packet(sequence, timestamp, arrival, size))

    def on_recovered(self, sequence: int) -> PacketFate | None:
        """As StreamCounter.on_recovered."""
        fate = super().on_recovered(sequence)
        return None if fate is None else PacketFate(*fate)


def _nobody() -> None:
    """Until a receiver says who acts."""
