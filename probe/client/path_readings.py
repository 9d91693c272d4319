"""The readings of one path: round trips, rates once a second, and each stream's totals when it ends."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from functools import cache

from probe.client.context import Context
from probe.model.errors import MeasurementError
from probe.rtc.fast_sender import AnySender
from probe.rtc.receiver import TrackReceiver

_KINDS = ("audio", "video")


@cache
def _tags(topology: str, kind: str, source: str = "") -> Mapping[str, str]:
    """The handful that there are; "" for none. Don't change them."""
    tags = {"topology": topology, "source": source, "kind": kind}
    return {name: value for name, value in tags.items() if value}


class PathReadings:
    """`topology` tags every sample; `who` is the participant whose path it is."""

    def __init__(self, context: Context, topology: str, who: str) -> None:
        self._context = context
        self._topology = topology
        self._who = who
        self._streams: dict[int, tuple[TrackReceiver, str]] = {}
        self._bytes: dict[tuple[str, str], int] = {}
        self._lost: dict[int, tuple[int, int]] = {}  # by SSRC: expected and lost at the last window
        self._packets: dict[int, int] = {}  # by SSRC: what had come at the last window
        self._stun_tags = _tags(topology, "", "stun")
        self._last_window: float | None = None
        self.last_rtt: float | None = None
        self.last_stun: float | None = None

    def connection(self, success: bool, outcome: str) -> None:
        """One connection attempt came to its end. `outcome`: the selected candidate pair, or the phase that failed."""
        tags = {"topology": self._topology}
        self._context.emit("connection_success_ratio", success, tags, who=self._who, outcome=outcome)
        if self._topology == "p2p":
            self._context.emit("p2p_connection_success_ratio", success, who=self._who, outcome=outcome)

    def connected(self, seconds: float, pair: str) -> None:
        """The attempt took so long, from the descriptions to ICE and DTLS up. `pair`: "relay-tcp/host"."""
        self._context.emit(
            "connect_duration_seconds", seconds, {"topology": self._topology, "pair": pair}, who=self._who
        )

    def stun_round_trip(self, seconds: float) -> None:
        """A STUN transaction (connectivity or consent check) was answered."""
        self.last_stun = seconds
        self._round_trip(seconds, self._stun_tags)

    def rtcp_round_trip(self, kind: str, seconds: float) -> None:
        """A report block came back (RFC 3550 section 6.4.1)."""
        self._round_trip(seconds, _tags(self._topology, kind, "rtcp"))

    def _round_trip(self, seconds: float, tags: Mapping[str, str]) -> None:
        self.last_rtt = seconds
        for receiver, _ in self._streams.values():
            receiver.on_round_trip(seconds)
        self._context.emit("round_trip_time_seconds", seconds, tags, who=self._who)

    def add(self, receiver: TrackReceiver, remote: str) -> None:
        """A stream has begun."""
        self._streams[receiver.ssrc] = (receiver, remote)
        if self.last_rtt is not None:
            receiver.on_round_trip(self.last_rtt)

    def receiver(self, remote: str, kind: str) -> TrackReceiver | None:
        """The running stream of that remote participant and kind; of several sources the one that came last."""
        found = [r for r, whose in self._streams.values() if whose == remote and r.kind == kind]
        return max(found, key=lambda receiver: receiver.stream.arrival, default=None)

    def streams(self, kind: str) -> list[tuple[str, TrackReceiver]]:
        """The running streams of that kind, with who sends them."""
        return [(remote, receiver) for receiver, remote in self._streams.values() if receiver.kind == kind]

    @property
    def loss_ratio(self) -> float | None:
        """Of all running streams: packets that did not arrive by first transmission."""
        streams = [receiver.stream for receiver, _ in self._streams.values()]
        expected = sum(stream.expected for stream in streams)
        return sum(stream.lost_first for stream in streams) / expected if expected else None

    def window(self, now: float, senders: Collection[AnySender]) -> None:
        """One second has passed: bitrates by kind and direction, jitter by stream."""
        elapsed = now - self._last_window if self._last_window is not None else 0.0
        self._last_window = now
        sent, received = dict.fromkeys(_KINDS, 0), dict.fromkeys(_KINDS, 0)
        for sender in senders:
            sent[sender.kind] += sender.wire_bytes
        for receiver, remote in self._streams.values():
            received[receiver.kind] += receiver.wire_bytes
            packets, before = receiver.stream.packets, self._packets.get(receiver.ssrc, 0)
            self._packets[receiver.ssrc] = packets
            self._loss_of_window(receiver)
            if packets > max(1, before):  # where nothing came there is nothing to tell
                tags, jitter = _tags(self._topology, receiver.kind), receiver.stream.jitter_seconds
                self._context.emit("jitter_seconds", jitter, tags, who=self._who, remote=remote, packets=packets)
        for kind in _KINDS:
            self._bitrate("send_bitrate_bps", kind, sent[kind], elapsed)
            self._bitrate("receive_bitrate_bps", kind, received[kind], elapsed)

    def _loss_of_window(self, receiver: TrackReceiver) -> None:
        """A packet that came late after all was counted as lost in the window before: that one is not mended."""
        expected, lost = receiver.stream.expected, receiver.stream.lost_first
        expected_before, lost_before = self._lost.get(receiver.ssrc, (0, 0))
        self._lost[receiver.ssrc] = expected, lost
        if expected > expected_before:
            ratio = min(1.0, max(0, lost - lost_before) / (expected - expected_before))
            self._context.emit("window_loss_ratio", ratio, _tags(self._topology, receiver.kind), who=self._who)

    def _bitrate(self, metric: str, kind: str, total: int, elapsed: float) -> None:
        before = self._bytes.get((metric, kind))
        self._bytes[metric, kind] = total
        # A stream that ended takes its bytes out of the total: such a window, and the first one, says nothing.
        # One in which nothing came does, unless there never was anything of that kind.
        if before is None or total < before or not total or elapsed <= 0:
            return
        tags = _tags(self._topology, kind)
        self._context.emit(metric, (total - before) * 8 / elapsed, tags, who=self._who)

    def finish(self, receiver: TrackReceiver) -> None:
        """The stream is over: its totals."""
        _, remote = self._streams.pop(receiver.ssrc, (receiver, ""))
        self._lost.pop(receiver.ssrc, None)
        self._packets.pop(receiver.ssrc, None)
        stream = receiver.stream.snapshot(self._context.clock.now())
        if stream.expected <= 0:
            return
        values = {
            "packet_loss_ratio": stream.lost_first / stream.expected,
            "burst_ratio": stream.burst_ratio,
            "packets_reordered": stream.reordered,
            "packets_duplicated": stream.duplicates,
            "nack_count": receiver.nacks,
            "pli_count": receiver.plis,
        }
        if receiver.kind == "video":  # audio's is what the playout buffer did not play (`Listening`)
            values["residual_loss_ratio"] = stream.lost_residual / stream.expected
        tags = _tags(self._topology, receiver.kind)
        for metric, value in values.items():
            self._context.emit(metric, value, tags, who=self._who, remote=remote, packets=stream.packets)

    def finish_all(self) -> None:
        """The path closes."""
        for receiver, _ in list(self._streams.values()):
            self.finish(receiver)

    def malformed(self, causes: Counter[str]) -> None:
        """Datagrams that were refused: they belong into the report."""
        for cause, count in causes.items():
            error = MeasurementError(
                f"refused {cause}", who=self._who, phase="packets", hint="malformed or not authentic"
            )
            self._context.errors[error.phase, error.who, f"{error.message} ({error.hint})"] += count
