"""Calls with Chromium through emulated links: what its getStats() and its reports say, what we read, and what the links did.

Loss begins two seconds after the start, so that the first keyframe comes whole, and nothing of the handshakes is sent again; and it
ends before the call does, since nobody misses the last packets of a stream.
Definitions where Chromium's are others than ours (docs/accuracy.md):

- jitter: RFC 3550's estimate takes in every packet; Chromium's leaves out those with the timestamp of the one before. So video,
  several packets of which make a frame, has more jitter there than with us, by the same arrivals. Audio has the same.
- packets received: Chromium's SRTP drops copies before anything is counted; retransmissions are counted along, and apart too.
- fraction lost: in 255ths, rounded down, where RFC 3550 has 256ths.
- frames received: frames that one retransmission lets through together count once; frames decoded count each.
"""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest

from probe.calibrate.recording import Passed
from probe.measure.rtp_stream import StreamSnapshot
from probe.media.audio import EncodedAudio
from probe.media.video import EncodedVideo
from probe.wire.rtcp import ReportBlock
from sfu_shim.core.link.impairment import Impairment, Jitter, RandomLoss, Reorder
from sfu_shim.core.link.schedule import Schedule, Step
from sfu_shim.core.link.stream_truth import StreamTruth
from tests.interop.browser import open_page
from tests.interop.chromium_end import ChromiumEnd, Stats, assert_steady
from tests.interop.impaired import Heard, Ledger, Links, Told, impaired
from tests.interop.party import Party

pytestmark = pytest.mark.timeout(40)

SECONDS = 9.0
UNEVEN = (2.0, 8.0)
"""From when to when there is loss, seconds."""
DRAIN = 1.0
"""Seconds for what is under way, and for retransmissions."""
CLOCK_RATES = {"audio": 48_000, "video": 90_000}

CHROMIUM_JITTER = 0.000_5
"""Seconds, in the middle of all reports. Chromium takes a packet's time when it reads its socket, not from the kernel: seen were
0.1 ms more or less; what holds up its network thread once shows in some reports, but not in half of them."""
ROUND_TRIP = (-0.001, 0.005)
"""Seconds above the links' own delays, in the middle: sockets and event loops of both ends and of the relays come on top, seen were
0.5 to 1.5 ms. Chromium's STUN round trips are whole milliseconds."""
THEIR_ROUND_TRIP = (-0.001, 0.010)
"""The same for Chromium's, in the middle too: it gives only sums, so they are read often and their steps are taken."""
STEP = 0.4
"""Seconds between two looks at those sums: about one round trip is measured in each."""


def _for_a_while(impairment: Impairment) -> Schedule:
    """Delay and jitter always, all else within `UNEVEN`."""
    even = Impairment(delay=impairment.delay, jitter=impairment.jitter)
    begin, end = UNEVEN
    return Schedule(even, (Step(begin, impairment), Step(end, even)))


LOSSY = Impairment(delay=0.03, jitter=Jitter("normal", 0.005), loss=RandomLoss(0.03))
UNTIDY = Impairment(delay=0.03, loss=RandomLoss(0.03), duplicate=0.04, reorder=Reorder(0.03, 0.03))


@asynccontextmanager
async def _call(
    videos: dict[str, EncodedVideo], audio: EncodedAudio, up: Impairment, down: Impairment
) -> AsyncIterator[tuple[Party, ChromiumEnd, Links]]:
    """A connected call that we offered."""
    async with open_page("call.html") as page:
        theirs = ChromiumEnd(page)
        await theirs.begin("VP8")
        async with Party(videos["VP8"], audio, "offer") as ours:
            with impaired(ours, _for_a_while(up), _for_a_while(down)) as links:
                await ours.path.start()
                await ours.hear("answer", await theirs.answer(await ours.say()))
                await ours.up()
                yield ours, theirs, links


# our media, which they read


async def test_they_read_what_our_uplink_did(videos: dict[str, EncodedVideo], audio: EncodedAudio) -> None:
    async with _call(videos, audio, LOSSY, Impairment(delay=0.015)) as (ours, theirs, links):
        told = Told(ours)
        steps = await _their_steps(theirs, SECONDS)
        ours.publisher.close()
        await asyncio.sleep(DRAIN)
        for kind in ("audio", "video"):
            truth = links.up.truth.streams[ours.sender(kind).ssrc]
            found = await theirs.inbound(kind)
            assert truth.observed().lost > 0
            _they_count_what_left_the_link(found, truth)
            blocks = told.about(truth.ssrc)
            _their_blocks_count_it_too([block for _, block in blocks], truth)
            series = _jitter_by_timestamp(truth, CLOCK_RATES[kind])
            _their_jitter_is_the_links(blocks, series, links, CLOCK_RATES[kind])
        _every_frame_got_through(found, ours)
        _our_round_trips_are_the_links(ours, links)
        _their_round_trips_are_the_links(steps, links)


async def test_they_take_copies_and_late_packets_for_what_they_are(
    videos: dict[str, EncodedVideo], audio: EncodedAudio
) -> None:
    async with _call(videos, audio, UNTIDY, Impairment()) as (ours, theirs, links):
        await asyncio.sleep(SECONDS)
        ours.publisher.close()
        await asyncio.sleep(DRAIN)
        for kind in ("audio", "video"):
            truth = links.up.truth.streams[ours.sender(kind).ssrc]
            observed = truth.observed()
            assert min(observed.lost, observed.duplicates, observed.reordered) > 0
            found = await theirs.inbound(kind)
            _they_count_what_left_the_link(found, truth)
        _every_frame_got_through(found, ours)


def _they_count_what_left_the_link(found: Stats, truth: StreamTruth) -> None:
    observed = truth.observed()
    again = found.get("retransmittedPacketsReceived", 0)
    assert found["packetsReceived"] - again == observed.packets
    assert found["packetsLost"] == observed.lost


def _their_blocks_count_it_too(blocks: Sequence[ReportBlock], truth: StreamTruth) -> None:
    """Each of them, by the highest number that it tells; and the shares lost in between (RFC 3550 A.3), of which Chromium has less
    by up to 1/256 and 1/256 of them."""
    assert len(blocks) >= 2
    for block in blocks:
        assert block.cumulative_lost == sum(lost.number <= block.highest_sequence for lost in truth.lost)
    for before, after in pairwise(blocks):
        expected = after.highest_sequence - before.highest_sequence
        lost = after.cumulative_lost - before.cumulative_lost
        share = lost / max(1, expected)
        assert share - (1 + share) / 256 < after.fraction_lost <= share


def _jitter_by_timestamp(truth: StreamTruth, clock_rate: int) -> list[tuple[float, float]]:
    """(time, jitter) by Chromium's rule, on the times at which packets left the link: against the packet before, whenever the
    timestamp is another."""
    jitter, series = 0.0, []
    for before, after in pairwise(truth.releases):
        ticks = (after.timestamp - before.timestamp + 2**31) % 2**32 - 2**31
        if ticks:
            jitter += (abs(after.released - before.released - ticks / clock_rate) - jitter) / 16
        series.append((after.released, jitter))
    return series


def _their_jitter_is_the_links(
    blocks: Sequence[tuple[float, ReportBlock]], series: Sequence[tuple[float, float]], links: Links, clock_rate: int
) -> None:
    errors = []
    for arrival, block in blocks:
        written = [report.arrival for report in links.down.reports if report.released <= arrival][-1]
        true = [jitter for time, jitter in series if time <= written][-1]
        errors.append(abs(block.jitter / clock_rate - true))
    assert statistics.median(errors) < CHROMIUM_JITTER


def _every_frame_got_through(found: Stats, ours: Party) -> None:
    """What is lost is sent again, what then comes too late is dropped and counted, and two may still wait to be shown."""
    sent = ours.sender("video").frames
    assert sent - 2 <= found["framesDecoded"] + found["framesDropped"] <= sent, found
    assert 0 < found["framesReceived"] <= sent  # without some that were sent again: which ones is Chromium's affair
    assert_steady(found)


def _our_round_trips_are_the_links(ours: Party, links: Links) -> None:
    """By RTCP: the way there of the report that a block quotes, and the way back of the one that holds the block. By STUN: of the
    check and its answer."""
    errors = []
    for sample in ours.samples:
        if sample.metric == "round_trip_time_seconds" and sample.tags["source"] == "rtcp":
            back = [report for report in links.down.reports if report.released <= sample.time + ours.context.epoch][-1]
            there = [report for report in links.up.reports if report.released <= back.arrival][-1]
            errors.append(sample.value - there.delay - back.delay)
    assert len(errors) >= 5
    assert ROUND_TRIP[0] < statistics.median(errors) < ROUND_TRIP[1]
    true = statistics.median(_checks(links.up.requests, links.down.answers))
    assert ROUND_TRIP[0] < statistics.median(ours.round_trips("stun")) - true < ROUND_TRIP[1]


async def _their_steps(theirs: ChromiumEnd, seconds: float) -> dict[str, list[float]]:
    """By type of report, the round trips that Chromium measured in that time: how much its sums grew by, per measurement."""
    counts = {"remote-inbound-rtp": "roundTripTimeMeasurements", "candidate-pair": "responsesReceived"}
    before: dict[str, tuple[float, float]] = {}
    steps: dict[str, list[float]] = {type: [] for type in counts}
    for _ in range(round(seconds / STEP)):
        await asyncio.sleep(STEP)
        for type, count in counts.items():
            for entry in await theirs.stats(type):
                total, measured = entry.get("totalRoundTripTime", 0.0), entry.get(count, 0)
                total_before, measured_before = before.get(entry["id"], (0.0, 0))
                before[entry["id"]] = (total, measured)
                if measured > measured_before:
                    steps[type].append((total - total_before) / (measured - measured_before))
    return steps


def _their_round_trips_are_the_links(steps: dict[str, list[float]], links: Links) -> None:
    reports = statistics.median(r.delay for r in links.down.reports) + statistics.median(
        r.delay for r in links.up.reports
    )
    checks = statistics.median(_checks(links.down.requests, links.up.answers))
    for type, true in (("remote-inbound-rtp", reports), ("candidate-pair", checks)):
        assert len(steps[type]) >= 3, type
        assert THEIR_ROUND_TRIP[0] < statistics.median(steps[type]) - true < THEIR_ROUND_TRIP[1], type


def _checks(requests: Mapping[bytes, Passed], answers: Mapping[bytes, Passed]) -> list[float]:
    """What the links added to STUN checks that were answered, there and back, seconds."""
    return [one.delay + answers[name].delay for name, one in requests.items() if name in answers]


# their camera and microphone, which we read


async def test_we_read_what_our_downlink_did_to_their_media(
    videos: dict[str, EncodedVideo], audio: EncodedAudio, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = Ledger(monkeypatch)
    down = Impairment(delay=0.03, jitter=Jitter("normal", 0.005), loss=RandomLoss(0.03), duplicate=0.02)
    async with _call(videos, audio, Impairment(delay=0.01), down) as (ours, theirs, links):
        told = await _what_they_are_told(theirs, SECONDS)
        await theirs.page.value("Promise.all(pc.getSenders().map((sender) => sender.replaceTrack(null)))")
        await asyncio.sleep(2 * DRAIN)  # a report is due at least every one and a half seconds
        told += await theirs.stats("remote-inbound-rtp")
        sent = {entry["kind"]: entry for entry in await theirs.stats("outbound-rtp")}
        for kind, rate in CLOCK_RATES.items():
            receiver = ours.receiver(kind)
            truth = links.down.truth.streams[receiver.ssrc]
            assert sent[kind]["ssrc"] == receiver.ssrc
            again = links.down.truth.streams.get(
                sent[kind].get("rtxSsrc", 0)
            )  # retransmissions, and padding that probes
            repeated = again.tally.offered if again is not None else 0
            assert sent[kind]["packetsSent"] == truth.tally.offered + repeated
            assert sent[kind]["retransmittedPacketsSent"] <= repeated
            _we_count_what_left_the_link(receiver.stream.snapshot(ours.context.clock.now()), truth)
            _our_jitter_is_the_links(ledger.heard[receiver.ssrc], truth, rate)
            about = [entry for entry in told if entry["kind"] == kind]
            _they_are_told_what_we_reported(about, ledger.reported[receiver.ssrc], rate)
            assert about[-1]["packetsLost"] == truth.observed().lost - truth.observed().duplicates  # RFC 3550 A.3
        assert sent["video"]["nackCount"] == ours.receiver("video").nacks
        assert sent["video"]["pliCount"] == ours.receiver("video").plis
        _we_got_every_frame(ours, sent["video"])


async def _what_they_are_told(theirs: ChromiumEnd, seconds: float) -> list[Stats]:
    """Its remote-inbound-rtp, twice a second: what our reports said to it."""
    found: list[Stats] = []
    for _ in range(round(seconds * 2)):
        await asyncio.sleep(0.5)
        found += await theirs.stats("remote-inbound-rtp")
    return found


def _we_count_what_left_the_link(ours: StreamSnapshot, truth: StreamTruth) -> None:
    true = truth.observed()
    assert min(true.lost, true.duplicates) > 0
    assert (ours.packets, ours.expected, ours.lost_first) == (true.packets, true.expected, true.lost)
    assert (ours.duplicates, ours.reordered) == (true.duplicates, true.reordered)
    assert ours.burst_ratio == pytest.approx(true.burst_ratio)


def _our_jitter_is_the_links(heard: Sequence[Heard], truth: StreamTruth, clock_rate: int) -> None:
    """On average over all packets, within the tolerance of `probe calibrate`."""
    true = statistics.mean(jitter for _, jitter in truth.jitter_series(clock_rate))
    read = statistics.mean(one.jitter for one in heard if one.fate.new or one.fate.reordered)
    assert read == pytest.approx(true, abs=0.0003, rel=0.03)


def _they_are_told_what_we_reported(told: Sequence[Stats], reported: Sequence[ReportBlock], clock_rate: int) -> None:
    """Loss, its share and jitter, as one of our blocks has them."""
    wrote = {(block.cumulative_lost, int(block.fraction_lost * 256), block.jitter) for block in reported}
    heard = {
        (entry["packetsLost"], round(entry["fractionLost"] * 256), round(entry["jitter"] * clock_rate))
        for entry in told
    }
    heard.discard((0, 0, 0))  # before the first report
    assert len(heard) >= 4
    assert heard <= wrote


def _we_got_every_frame(ours: Party, sent: Stats) -> None:
    """All that Chromium sent, some by retransmissions; its camera may have stopped within a frame."""
    stream = ours.streams("video")[0]
    assert sent["framesSent"] - 2 <= len(stream.frames) <= sent["framesSent"]
    assert any(frame.recovered for frame in stream.frames)
    assert ours.receiver("video").frames_given_up == 0
