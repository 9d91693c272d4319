"""Works out, for a call that is over, every reading's row: what the probe read, and what it should have."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from statistics import fmean

from probe.calibrate import reference as ref
from probe.calibrate import reference_audio as audio
from probe.calibrate.call import Call, Seat
from probe.calibrate.recording import Passed, RecordingLink
from probe.calibrate.rows import Row, RowWriter
from probe.calibrate.sent_log import SentStream
from probe.client.context import Depth
from probe.model.errors import MeasurementError
from probe.model.samples import Sample
from sfu_shim.core.link.stream_truth import StreamTruth

FRAME = 1 / 30
PACKET = 0.02
SETTLED = 1.0
"""Seconds of media after which the connectivity checks are over."""
UNREAD = 0.001
"""Share of pictures whose frame ID may stay unread: told, not promised."""
_CLOCK_RATES = {"audio": 48_000, "video": 90_000}


def rows_of(call: Call, depth: Depth) -> list[Row]:
    """All rows of a call that the `depth` can have. Raises MeasurementError when the truth itself is incomplete."""
    if call.move is not None:
        return _migration(call)
    found: list[Row] = []
    for name, sender, receiver in call.directions():
        writer = RowWriter(f"{call.case.name}, {name}", found)
        _packets(writer, receiver)
        _bitrates(writer, call, sender, receiver)
        _jitter(writer, call, receiver)
        if call.case.way == "p2p":
            _audio(writer, sender, receiver)
            _repairs(writer, sender, receiver)
        if (
            call.case.way == "p2p" and depth != "headers"
        ):  # at headers a frame is its last packet, and no more is claimed
            _video(writer, sender, receiver)
        _gaps(writer, call, sender, receiver, depth)
    for name, seat in (("from A", call.first), ("from B", call.second)):
        writer = RowWriter(f"{call.case.name}, {name}", found)
        _round_trips(writer, call, seat)
        _stun(writer, call, seat)
    return found


def _truth(receiver: Seat, kind: str) -> StreamTruth:
    """What the last link before the receiver did to that stream."""
    ssrc, _ = receiver.streams[kind]
    stream = _link(receiver.into).truth.streams[ssrc]
    if not stream.complete:
        raise MeasurementError("the call was too long for the links to remember every packet")
    return stream


def _link(link: RecordingLink | None) -> RecordingLink:
    if link is None:
        raise MeasurementError("no emulated link on the way: there is no truth to compare with")
    return link


# packets


def _packets(writer: RowWriter, receiver: Seat) -> None:
    for kind, (_, read) in sorted(receiver.streams.items()):
        truth = _truth(receiver, kind).observed()
        writer.exact(f"packets received, {kind}", truth.packets, read.packets)
        writer.exact(f"packets lost, {kind}", truth.lost, read.lost_first)
        writer.exact(f"packets duplicated, {kind}", truth.duplicates, read.duplicates)
        writer.exact(f"packets reordered, {kind}", truth.reordered, read.reordered)
        writer.near(f"burst ratio, {kind}", truth.burst_ratio, read.burst_ratio, "")


def _bitrates(writer: RowWriter, call: Call, sender: Seat, receiver: Seat) -> None:
    """Over the whole seconds between the first sample and the last one before the cameras went off."""
    into, out = _link(receiver.into), _link(sender.out)
    for kind in ("audio", "video"):
        if (sent := _own(sender, kind)) is not None:
            ssrcs = (sent.ssrc, sent.rtx_ssrc)
            samples = _until(sender.values("send_bitrate_bps", kind=kind), call)
            streams = [out.truth.streams[ssrc] for ssrc in ssrcs if ssrc in out.truth.streams]
            offers = [offer for stream in streams for offer in stream.offers]
            tag = out.truth.streams[sent.ssrc].offers[0][1] - sent.packets[0].size
            _bitrate(writer, f"send bitrate, {kind}", samples, call.epoch, offers, tag)
        if call.case.way == "p2p" and sent is not None:
            streams = [into.truth.streams[ssrc] for ssrc in ssrcs if ssrc in into.truth.streams]
            firsts = [(r.released, r.size) for stream in streams for r in stream.releases if r.first]
            samples = _until(receiver.values("receive_bitrate_bps", kind=kind), call)
            _bitrate(writer, f"receive bitrate, {kind}", samples, call.epoch, firsts, tag)


def _own(sender: Seat, kind: str) -> SentStream | None:
    """The stream that the sender itself sent, by whichever path."""
    return next((stream for _, stream in sender.participant.sent if stream.kind == kind), None)


def _until(samples: Sequence[Sample], call: Call) -> list[Sample]:
    return [sample for sample in samples if sample.time + call.epoch <= call.stopped]


def _bitrate(
    writer: RowWriter, reading: str, samples: list[Sample], epoch: float, passed: list[tuple[float, int]], tag: int
) -> None:
    """`passed`: time and bytes of each packet, `tag` of which are SRTP's: a bitrate counts RTP."""
    if len(samples) < 3:
        return
    times = [sample.time + epoch for sample in samples]
    measured = sum(s.value * (b - a) for s, a, b in zip(samples[1:], times, times[1:], strict=False))
    bits = sum(8 * (size - tag) for time, size in passed if times[0] < time <= times[-1])
    span = times[-1] - times[0]
    writer.near(reading, bits / span, measured / span, "bit/s", share=0.01)


def _jitter(writer: RowWriter, call: Call, receiver: Seat) -> None:
    """The mean of what was read once a second, against the formula on the actual release times of as many packets."""
    for kind in sorted(receiver.streams):
        series = [jitter for _, jitter in _truth(receiver, kind).jitter_series(_CLOCK_RATES[kind])]
        samples = _until(receiver.values("jitter_seconds", kind=kind), call)
        if samples:
            true = fmean(series[int(sample.detail["packets"]) - 1] for sample in samples)
            measured = fmean(sample.value for sample in samples)
            writer.near(f"jitter, {kind}", true, measured, "s", within=0.0003, share=0.03)


def _round_trips(writer: RowWriter, call: Call, seat: Seat) -> None:
    """Each reading against the way there of the report that it quotes plus the way back of the one that quotes it."""
    there, back = _link(seat.out).reports, _link(seat.into).reports
    pairs = []
    for sample in seat.values("round_trip_time_seconds", source="rtcp"):
        came = [report for report in back if report.released <= sample.time + call.epoch]
        if came and (quoted := _latest(there, came[-1].arrival)) is not None:
            pairs.append((sample.value, quoted.delay + came[-1].delay))
    _pairs(writer, "round-trip time, RTCP", pairs)


def _stun(writer: RowWriter, call: Call, seat: Seat) -> None:
    """Each reading against what lay between its request's coming to the link and its answer's leaving: both ways, and the time
    that the other side took. Consent checks only, which are seconds apart: those before the call overlap."""
    out, into = _link(seat.out), _link(seat.into)
    answers = sorted(
        (answer.released, answer.released - out.requests[transaction].arrival)
        for transaction, answer in into.answers.items()
        if transaction in out.requests
    )
    pairs = []
    flowing = min((sample.time for sample in seat.values("one_way_delay_seconds")), default=math.inf)
    for sample in seat.values("round_trip_time_seconds", source="stun"):
        if sample.time < flowing + SETTLED:
            continue
        position = bisect_right(answers, (sample.time + call.epoch, 60.0)) - 1
        if position >= 0:
            pairs.append((sample.value, answers[position][1]))
    _pairs(writer, "round-trip time, STUN", pairs)


def _pairs(writer: RowWriter, reading: str, pairs: list[tuple[float, float]]) -> None:
    """(read, true) of each sample. Shown is the one of median error: a single report that our own loop held up is no path's
    delay, and where the delay changes in mid-call there is no one figure for it."""
    if pairs:
        read, true = sorted(pairs, key=lambda pair: pair[0] - pair[1])[len(pairs) // 2]
        writer.near(reading, true, read, "s", within=0.001, share=0.01)


def _latest(reports: list[Passed], before: float) -> Passed | None:
    """The report that the other side had got last by then."""
    return next((report for report in reversed(reports) if report.released <= before), None)


# audio and video


def _audio(writer: RowWriter, sender: Seat, receiver: Seat) -> None:
    sent, into = _own(sender, "audio"), _link(receiver.into)
    if sent is None or "audio" not in receiver.streams:
        return
    packets = audio.heard_packets(sent, into.truth)
    delays = receiver.values("one_way_delay_seconds", kind="audio")
    true = fmean(packet.arrival - packet.capture for packet in packets)
    writer.near("one-way delay, audio", true, fmean(s.value for s in delays), "s", within=0.002, share=0.01)
    scores = audio.mos(packets, receiver.participant.ticks, receiver.left)
    for reading, metric, truth in (
        ("audio MOS-LQ", "audio_mos_lq", scores.lq if scores else None),
        ("audio MOS-CQ", "audio_mos_cq", scores.cq if scores else None),
    ):
        read = receiver.values(metric)
        if read and truth is not None:
            writer.near(reading, truth, read[-1].value, "MOS", within=0.02)


def _repairs(writer: RowWriter, sender: Seat, receiver: Seat) -> None:
    sent, samples = _own(sender, "video"), receiver.values("residual_loss_ratio", kind="video")
    if sent is not None and samples:
        true = ref.never_arrived(sent, _link(receiver.into).truth)
        expected = _truth(receiver, "video").observed().expected
        writer.exact("packets never repaired, video", true, round(samples[-1].value * expected, 6))


def _shown(sender: Seat, receiver: Seat) -> list[ref.Shown]:
    sent = _own(sender, "video")
    if sent is None:
        return []
    return ref.shown_frames(sent.frames(), ref.first_arrivals(sent, _link(receiver.into).truth), receiver.left)


def shown_of(sender: Seat, receiver: Seat) -> list[bytes]:
    """The encoded frames that the receiver of a P2P call must have shown, in order."""
    sent = _own(sender, "video")
    frames = sent.frames() if sent is not None else []
    return [frames[one.position].data for one in _shown(sender, receiver)]


def _video(writer: RowWriter, sender: Seat, receiver: Seat) -> None:
    sent, shown = _own(sender, "video"), _shown(sender, receiver)
    if sent is None or len(shown) < 2:
        return
    frames, times = sent.frames(), [one.time for one in shown]
    writer.near("frame rate", ref.frame_rate(times), _last(receiver, "frame_rate"), "fps", share=0.005)
    freezes, watched = ref.freezes(times, receiver.left), receiver.left - times[0]
    count, frozen = _last(receiver, "freeze_count"), _last(receiver, "freeze_ratio") * watched
    writer.near("freezes, the end being one", freezes.freezes, count, "", within=freezes.undecided)
    writer.near("frozen time", freezes.seconds, frozen, "s", within=FRAME + freezes.doubtful)
    _delay(writer, receiver, [one.time - frames[one.position].capture for one in shown])
    if receiver.values("frames_lost"):
        writer.exact("frames lost", ref.frames_lost(shown), _last(receiver, "frames_lost"), "frames")
    if receiver.values("frame_id_wrong"):
        writer.exact("pictures shown", len(shown), len(receiver.values("video_psnr_db")), "frames")
        writer.exact("frame IDs wrong", 0, _last(receiver, "frame_id_wrong"), "frames")
        writer.near("frame IDs unread", 0, _last(receiver, "frame_id_unread_ratio"), "", within=UNREAD)


def _last(seat: Seat, metric: str) -> float:
    """Raises MeasurementError when the probe read nothing of the kind: a reading that is missing is wrong."""
    samples = seat.values(metric)
    if not samples:
        raise MeasurementError(f"no {metric} was read")
    return samples[-1].value


def _delay(writer: RowWriter, receiver: Seat, true: list[float]) -> None:
    """Up to the frame's last packet: the time for decoding is the generator's own and is told apart."""
    read = [sample.value for sample in receiver.values("one_way_delay_seconds", kind="video")]
    decoding = [sample.value for sample in receiver.values("frame_decode_seconds")]
    measured = fmean(read) - (fmean(decoding) if decoding else 0.0)
    writer.near("one-way delay, video, without decoding", fmean(true), measured, "s", within=0.002, share=0.01)


def _gaps(writer: RowWriter, call: Call, sender: Seat, receiver: Seat, depth: Depth) -> None:
    """Of audio: between the last packet before a blackout and the first after it, as they left the link. Of video: between
    the pictures that could be shown."""
    for (start, end), read in receiver.gaps.items():
        if end > call.stopped:
            continue
        name = f"gap of a {round((end - start) * 1000)} ms blackout"
        if "audio" in receiver.streams:
            writer.near(
                f"{name}, audio", _truth(receiver, "audio").longest_gap(start, end), read["audio"], "s", within=PACKET
            )
        if call.case.way == "p2p" and depth != "headers" and "video" in receiver.streams:
            truth = ref.longest_gap([one.time for one in _shown(sender, receiver)], start, end)
            writer.near(f"{name}, video", truth, read["video"], "s", within=FRAME)


def _migration(call: Call) -> list[Row]:
    """The gap that was made: between what came last before the cut of A's uplink and first after it, by whichever path."""
    move, link = call.move, _link(call.first.out)
    assert move is not None
    found: list[Row] = []
    writer = RowWriter(call.case.name, found)
    for switch in move.switches:
        times: list[float] = []
        for way, sent in call.first.participant.sent:
            if sent.kind != switch.kind or not sent.packets:
                continue
            if switch.kind == "audio":
                times += [packet.arrival for packet in audio.heard_packets(sent, link.truth)]
            elif way == "p2p":
                shown = ref.shown_frames(sent.frames(), ref.first_arrivals(sent, link.truth), move.ended)
                times += [one.time for one in shown]
        cuts = [cut for cut in link.truth.blackouts if cut[0] >= move.started - 0.001]
        truth = max(ref.longest_gap(times, start, end) for start, end in cuts)
        within = PACKET if switch.kind == "audio" else FRAME
        writer.near(f"migration gap, {switch.kind}", truth, switch.gap_seconds or 0.0, "s", within=within)
    writer.exact("migration succeeded", 1, float(not move.failure), "")
    return found
