"""What RTCP tells of streams, and what a peer tells of itself."""

from __future__ import annotations

import random
from typing import Any

import pytest

from probe.client.dumps.path import RecordedPeer
from probe.client.dumps.snapshot import Heard
from probe.measure.webrtc_stats import Trips
from probe.model.errors import NegotiationError
from probe.rtc.clock import NTP_EPOCH
from probe.rtc.peer import PeerConfig
from probe.wire.rtcp import FullIntraRequest, ReceiverReport, ReportBlock, SenderReport, middle32
from tests.client.fakes import START, FakeClock


def _block(ssrc: int, sent: float, delay: float) -> ReportBlock:
    return ReportBlock(ssrc, 0.0, 1, 10, 90, middle32(NTP_EPOCH + sent), delay)


def test_blocks_round_trips_reports_and_keyframe_requests() -> None:
    heard = Heard(FakeClock())
    report = SenderReport(5, NTP_EPOCH + START, 0, 10, 1000, (_block(7, START, 0.25),))
    heard.listen([report], START + 0.5)
    heard.listen([ReceiverReport(5, (_block(7, START, 0.5),)), FullIntraRequest(5, ((7, 1), (8, 1)))], START + 1.0)
    assert heard.reports == {5: ((START + 0.5) * 1000, report)}
    arrived, block = heard.blocks[7]
    assert (arrived, block.delay_since_last_sr) == ((START + 1.0) * 1000, 0.5)
    assert heard.trips == {7: Trips(0.5, 0.75, 2)}
    assert heard.firs == {7: 1, 8: 1}


def test_a_block_without_a_sender_report_is_no_round_trip() -> None:
    heard = Heard(FakeClock())
    heard.listen([ReceiverReport(5, (ReportBlock(7, 0.0, 0, 1, 0, 0, 0.0),))], START)
    assert (list(heard.blocks), heard.trips) == ([7], {})


def _peer(told: list[tuple[str, Any]], *, controlling: bool) -> RecordedPeer:
    peer = RecordedPeer(PeerConfig(), label="p", controlling=controlling, clock=FakeClock(), rng=random.Random(1))
    peer.tell = lambda method, value=None: told.append((method, value))  # type: ignore[method-assign]
    return peer


async def test_offer_and_answer_as_rtcstats_names_them() -> None:
    ours: list[tuple[str, Any]] = []
    theirs: list[tuple[str, Any]] = []
    one, other = _peer(ours, controlling=True), _peer(theirs, controlling=False)
    try:
        one.add_transceiver("audio", "sendrecv", ("stream", "track"))
        other.add_transceiver("audio", "sendrecv", ("stream2", "track2"))
        offer = await one.create_offer()
        answer = await other.accept_offer(offer)
        await one.accept_answer(answer)
        with pytest.raises(NegotiationError):
            await one.accept_offer("nonsense")
    finally:
        await one.close()
        await other.close()
    description = {"type": "offer", "sdp": offer}
    assert ours[:9] == [
        ("createOffer", None), ("createOfferOnSuccess", description), ("setLocalDescription", description),
        ("setLocalDescriptionOnSuccess", None), ("onsignalingstatechange", "have-local-offer"),
        ("setRemoteDescription", {"type": "answer", "sdp": answer}), ("onsignalingstatechange", "stable"),
        ("ontrack", ["audio", "track2", "remote audio", "stream2"]), ("setRemoteDescriptionOnSuccess", None),
    ]  # fmt: skip
    assert [method for method, _ in ours[9:]] == ["setRemoteDescription", "setRemoteDescriptionOnFailure"]
    assert [method for method, _ in theirs] == [
        "setRemoteDescription", "onsignalingstatechange", "ontrack", "setRemoteDescriptionOnSuccess", "createAnswer",
        "createAnswerOnSuccess", "setLocalDescription", "setLocalDescriptionOnSuccess", "onsignalingstatechange",
    ]  # fmt: skip
