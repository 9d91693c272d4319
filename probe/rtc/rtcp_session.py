"""RTCP of one peer connection: regular reports, feedback routed to the senders, round trips.

Reports go out once a second (RFC 4585 lets the interval fall below RFC 3550's five seconds; libwebrtc does the same for
video), spread by RFC 3550 section 6.3.1's factor of 0.5 to 1.5, so that many participants do not report in step.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable

from probe.measure.rtt import RttEstimator
from probe.rtc.chores import GRID, Chores
from probe.rtc.clock import Clock
from probe.rtc.fast_sender import AnySender
from probe.rtc.receiver import TrackReceiver
from probe.wire.rtcp import (
    FullIntraRequest,
    Nack,
    PictureLoss,
    ReceiverReport,
    ReportBlock,
    RtcpPacket,
    SenderReport,
    SourceDescription,
)

REPORT_INTERVAL = 1.0
_MAX_BLOCKS = 31
_FIRST_REPORT = 0.2


class RtcpSession:
    """`send(data)` puts a clear compound packet on the wire. `on_round_trip(kind, seconds)` hears each RTCP round trip."""

    def __init__(
        self,
        cname: str,
        clock: Clock,
        chores: Chores,
        send: Callable[[bytes], None],
        on_round_trip: Callable[[str, float], None],
        rng: random.Random,
    ) -> None:
        self.senders: dict[int, AnySender] = {}
        self.receivers: dict[int, TrackReceiver] = {}
        self.received: Counter[str] = Counter()
        self.rtt = 0.0
        self._cname = cname
        self._clock = clock
        self._chores = chores
        self._send = send
        self._on_round_trip = on_round_trip
        self._rng = rng
        self._estimator = RttEstimator()
        self._own_ssrc = rng.randrange(1, 1 << 32)
        self._described: int | None = None
        self._name = b""
        self._closed = False
        self._turn = 0
        chores.at(clock.now() + _FIRST_REPORT, self._report)

    @property
    def own_ssrc(self) -> int:
        """Under which we send feedback: a sender's, or one of our own while we send nothing."""
        return next(iter(self.senders), self._own_ssrc)

    def feedback(self, packets: list[RtcpPacket]) -> None:
        """Send now, as reduced-size RTCP (RFC 5506)."""
        self._send(b"".join(packet.to_bytes() for packet in packets))

    def _report(self, due: float) -> None:
        if self._closed:
            return
        now = self._clock.now()
        # What is due waits half a grid for its batch, in the mean.
        self._chores.at(now + REPORT_INTERVAL * self._rng.uniform(0.5, 1.5) - GRID / 2, self._report)
        reports = self._reports(now)
        if reports:
            self._send(b"".join([report.to_bytes() for report in reports]) + self._description())

    def _description(self) -> bytes:
        """Our name, which most often stands beside the same SSRC as the last time."""
        ssrc = self.own_ssrc
        if self._described != ssrc:
            self._described, self._name = ssrc, SourceDescription(((ssrc, self._cname),)).to_bytes()
        return self._name

    def _reports(self, now: float) -> list[SenderReport | ReceiverReport]:
        """Every sender's SR, the first one with the report blocks; an RR where nothing is sent."""
        blocks = self._blocks(now)
        reports = [report for sender in self.senders.values() if (report := sender.report(now)) is not None]
        if not reports:
            return [ReceiverReport(self.own_ssrc, blocks)] if blocks else []
        first, *others = reports
        return [SenderReport(*first[:5], blocks), *others]

    def _blocks(self, now: float) -> tuple[ReportBlock, ...]:
        """Of more sources than one report holds, each report takes the next ones in turn (RFC 3550 section 6.4)."""
        heard = [receiver for receiver in self.receivers.values() if receiver.stream.packets]
        if len(heard) > _MAX_BLOCKS:
            self._turn = (self._turn + _MAX_BLOCKS) % len(heard)
            heard = [*heard[self._turn :], *heard[: self._turn]][:_MAX_BLOCKS]
        return tuple([receiver.stream.report_block(now) for receiver in heard])

    def on_rtcp(self, packets: list[RtcpPacket], arrival: float) -> None:
        """Route what came in."""
        for packet in packets:
            kind = type(packet)
            self.received[kind.__name__] += 1
            if kind is SourceDescription:
                continue  # the names are known from the session descriptions
            if isinstance(packet, SenderReport):
                self._on_sender_report(packet, arrival)
            elif isinstance(packet, ReceiverReport):
                self._on_blocks(packet.reports, arrival)
            elif isinstance(packet, Nack):
                if sender := self.senders.get(packet.media_ssrc):
                    sender.on_nack(packet)
            elif isinstance(packet, PictureLoss):
                if sender := self.senders.get(packet.media_ssrc):
                    sender.on_picture_loss()
            elif isinstance(packet, FullIntraRequest):
                self._on_full_intra(packet)

    def _on_full_intra(self, packet: FullIntraRequest) -> None:
        for ssrc, _ in packet.requests:
            if sender := self.senders.get(ssrc):
                sender.on_picture_loss()

    def _on_sender_report(self, report: SenderReport, arrival: float) -> None:
        if receiver := self.receivers.get(report.ssrc):
            receiver.on_sender_report(report, arrival)
        self._on_blocks(report.reports, arrival)

    def _on_blocks(self, blocks: tuple[ReportBlock, ...], arrival: float) -> None:
        arrival_ntp = self._clock.to_ntp(arrival)
        for block in blocks:
            sender = self.senders.get(block.ssrc)
            if sender is None:
                continue
            seconds = self._estimator.on_report_block(block, arrival_ntp)
            if seconds is not None:
                self.rtt = seconds if not self.rtt else self.rtt + (seconds - self.rtt) / 8  # RFC 6298's smoothing
                self._on_round_trip(sender.kind, seconds)

    def poll(self, now: float) -> bool:
        """NACK and PLI of every receiver. Whether there may be more to ask for soon."""
        receivers = list(self.receivers.values())
        for receiver in receivers:
            receiver.poll(now, self.rtt)
        return any(receiver.needs_poll for receiver in receivers)

    def close(self) -> None:
        """No more reports."""
        self._closed = True
