"""What one participant hears of another on one path: a virtual playout buffer, rated by the E-model."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from probe.client.context import Context
from probe.measure.assembly import MediaPacket
from probe.measure.audio_quality import AudioQuality, AudioScore
from probe.measure.opus_rate import CLOCK_RATE, OpusRate
from probe.measure.playout import PlayoutWindow
from probe.measure.records import RESTARTED, Records, joined
from probe.native.analysis import playout_buffer
from probe.wire.rtp import TimestampUnwrapper

WINDOW = 2.0
SHORTEST_WINDOW = 1.0
_EARLY = 0.05
"""Seconds by which a window may be shorter: who asks once a second is late by a little, now more, now less."""
LOOK_AHEAD = 0.0065
"""Opus look-ahead in seconds, at 48 kHz (RFC 6716 section 2.1.4, and measured)."""

_MOST_HELD = 4096
"""Records that wait for a window: more than a minute's, if nobody asks."""


class Listening:
    """Feed it every new audio packet of the stream; it emits the call's scores when finished.

    The media time of a packet, by which the playout buffer knows how late it is, is its capture time where the sender is one of
    ours: a packet that we sent late is no jitter of the network. Of others it is the RTP timestamp.
    """

    def __init__(self, context: Context, who: str, remote: str, topology: str) -> None:
        self._context = context
        self._who = who
        self._remote = remote
        self._tags = {"topology": topology}
        self._audio_tags = self._tags | {"kind": "audio"}
        self._ours = remote in context.captures
        self._buffer = playout_buffer(foreign=not self._ours)
        self._quality = AudioQuality("opus")
        self._started = 0.0
        self._rate_of_speech = OpusRate()
        self._one_way = 0.0
        self._one_way_known = 0
        self._last_one_way: float | None = None
        self._expected = 0
        self._unheard = 0
        self._round_trip: float | None = None
        self._origin: int | None = None
        self._finished = False
        self._unwrap = TimestampUnwrapper()
        self._records: list[Records] = []
        self._held = 0
        self.last: AudioScore | None = None

    def on_packet(self, packet: MediaPacket, extended_timestamp: int) -> None:
        """A packet that was not there before. `extended_timestamp`: 48 kHz units, unwrapped."""
        if self._origin is None:
            self._origin = extended_timestamp
            self._started = packet.arrival
        if packet.restarted:
            self._begin_anew(packet.arrival)
        self._rate_of_speech.on_packets(
            np.array((packet.sequence,)), np.array((extended_timestamp,)), np.array((len(packet.payload),), np.uint32)
        )
        known = packet.capture_time is not None and self._clock_is_ours()
        media_time = packet.capture_time if known else (extended_timestamp - self._origin) / CLOCK_RATE
        assert media_time is not None
        self._buffer.on_packet(packet.sequence, media_time, packet.arrival)
        if known and packet.capture_time is not None:
            one_way = max(0.0, packet.arrival - packet.capture_time)
            self._one_way += one_way
            self._one_way_known += 1
            self._context.emit("one_way_delay_seconds", one_way, self._audio_tags, who=self._who)

    def _clock_is_ours(self) -> bool:
        """Whether its capture times are of our clock. Who has left since keeps it: what is looked at later was sent before."""
        self._ours = self._ours or self._remote in self._context.captures
        return self._ours

    def on_records(self, records: Records) -> None:
        """`on_packet` for each, in order of arrival. They are looked at when a window ends."""
        if not len(records):
            return
        if self._origin is None:
            self._origin = self._unwrap.unwrap(records["timestamp"].item(0))
            self._started = records["arrival"].item(0)
        self._records.append(records)
        self._held += len(records)
        if self._held > _MOST_HELD:
            self._settle()

    def _settle(self) -> None:
        """Take in the records."""
        if not self._held:
            return
        records = joined(self._records)
        self._records, self._held = [], 0
        (restarts,) = (records["flags"] & RESTARTED).nonzero()
        for part in np.split(records, restarts) if len(restarts) else (records,):
            if not len(part):
                continue
            if part["flags"].item(0) & RESTARTED:
                self._begin_anew(part["arrival"].item(0))
            self._on_part(part)

    def _begin_anew(self, now: float) -> None:
        """The stream restarted, and the playout buffer too: what the sender jumped over was never sent."""
        self._judge(now)
        self._buffer.reset()

    def _on_part(self, records: Records) -> None:
        timestamps, arrivals = records["timestamp"], records["arrival"]
        first = self._unwrap.unwrap(timestamps.item(0))
        ticks = (timestamps - timestamps[0]).view(np.int32)  # modulo 2**32, nearest to the first
        self._unwrap.unwrap(timestamps.item(int(ticks.argmax())))
        extended = ticks + np.int64(first)
        self._rate_of_speech.on_packets(records["sequence"], extended, records["size"])
        captures = records["capture"]
        if self._clock_is_ours():
            self._on_delays(arrivals - captures)
            if not np.isnan(np.add.reduce(captures)):
                self._buffer.on_packets(records["sequence"], captures, arrivals)
                return
        media_times = (extended - (self._origin or 0)) / CLOCK_RATE
        self._buffer.on_packets(records["sequence"], media_times, arrivals)

    def _on_delays(self, delays: NDArray[np.float64]) -> None:
        """One-way delays, NaN where the capture time is not told."""
        delays = np.maximum(delays[~np.isnan(delays)], 0.0)
        self._one_way += np.add.reduce(delays).item()
        self._one_way_known += len(delays)
        self._context.observe("one_way_delay_seconds", delays, self._audio_tags, self._who)

    def window(self, now: float, round_trip: float | None) -> None:
        """Rate the time since the last call. One-way delay: by capture time, where nothing came that of the window before, and
        half of `round_trip` where no capture time is known."""
        self._round_trip = round_trip
        if self.due(now):
            self._rate(now, now - self._started)

    def due(self, now: float) -> bool:
        """Whether a window has passed."""
        return self._origin is not None and now - self._started >= WINDOW - _EARLY

    def _rate(self, now: float, elapsed: float) -> None:
        self._settle()
        self._started = now
        window = self._judge(now)
        if self._one_way_known:
            self._last_one_way = self._one_way / self._one_way_known
        one_way = self._last_one_way if self._last_one_way is not None else (self._round_trip or 0.0) / 2
        bitrate = self._rate_of_speech.take()
        delay = one_way + self._rate_of_speech.packet_seconds + LOOK_AHEAD + window.delay_seconds
        loss = window.loss_ratio if window.expected else None
        self._one_way_known = 0
        self._one_way = 0.0
        if (found := self._quality.add_window(loss, window.burst_ratio, delay, bitrate, elapsed)) is not None:
            self.last = found
            self._context.emit("window_audio_score", found.score, self._tags, who=self._who, remote=self._remote)

    def _judge(self, now: float) -> PlayoutWindow:
        window = self._buffer.window(now)
        self._expected += window.expected
        self._unheard += window.lost + window.late
        return window

    def finish(self) -> None:
        """The stream is over: its scores, from the mean R of its windows. What is left after the last one is rated if it is a
        second or more; a stream shorter than that has no score."""
        if self._finished:
            return
        self._finished = True
        self._settle()
        now = self._context.clock.now()
        if self._origin is not None and now - self._started >= SHORTEST_WINDOW:
            self._rate(now, now - self._started)
        else:
            self._judge(now)
        if self._expected:
            residual = self._unheard / self._expected
            self._context.emit("residual_loss_ratio", residual, self._audio_tags, who=self._who, remote=self._remote)
        result = self._quality.result()
        if result is None:
            return
        for metric, value in (
            ("audio_mos_lq", result.mean.mos_lq),
            ("audio_mos_cq", result.mean.mos_cq),
            ("audio_quality_score", result.mean.score),
        ):
            self._context.emit(metric, value, self._tags, who=self._who, remote=self._remote, windows=result.windows)
