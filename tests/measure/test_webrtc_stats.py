"""Every reading under W3C's name and in W3C's unit, and nothing that is not known."""

from __future__ import annotations

from typing import Any

import pytest

from probe.measure import webrtc_stats as w3c
from probe.measure.webrtc_stats import Pair, Received, Sent, Stream, Transport, Trips
from probe.wire.rtcp import ReportBlock, SenderReport
from probe.wire.sdp import OUR_AUDIO, OUR_VIDEO, Candidate

AT = 1_700_000_000_000.5
VIDEO = Stream(7, "video", "1", 96, "cam", 8)
AUDIO = Stream(5, "audio", "0", 111)
GOT = Received(
    packets=90, duplicates=2, retransmitted=3, expected=100, jitter=0.004, payload_bytes=90_000, wire_bytes=92_000,
    nacks=4, plis=1, frames=30,
)  # fmt: skip
SENT = Sent(
    packets=100, payload_bytes=100_000, wire_bytes=104_140, retransmitted=2, retransmitted_wire_bytes=1_340, frames=25,
    nacks=3, plis=2, firs=1,
)  # fmt: skip


def _members(entry: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in entry.items() if name not in ("id", "timestamp", "type")}


def test_the_unix_epoch_in_milliseconds() -> None:
    assert w3c.milliseconds(w3c.NTP_EPOCH) == 0.0
    assert w3c.milliseconds(w3c.NTP_EPOCH + 1.0005) == 1000.5


def test_inbound_video() -> None:
    entry = w3c.inbound_rtp(AT, VIDEO, GOT, remote_known=True)
    assert (entry["id"], entry["timestamp"], entry["type"]) == ("I7", AT, "inbound-rtp")
    assert _members(entry) == {
        "ssrc": 7, "kind": "video", "transportId": "T", "codecId": "C1_96", "mid": "1", "trackIdentifier": "cam",
        "remoteId": "RO7", "packetsReceived": 95, "packetsLost": 8, "jitter": 0.004, "bytesReceived": 90_000,
        "headerBytesReceived": 2_000, "retransmittedPacketsReceived": 3, "rtxSsrc": 8, "nackCount": 4, "pliCount": 1,
        "firCount": 0, "framesReceived": 30,
    }  # fmt: skip


def test_inbound_audio_says_nothing_of_what_only_video_has_and_of_what_is_not_known() -> None:
    got = Received(1, 0, 0, 1, None, 80, 100, nacks=0, plis=0)
    assert _members(w3c.inbound_rtp(AT, AUDIO, got, remote_known=False)) == {
        "ssrc": 5, "kind": "audio", "transportId": "T", "codecId": "C0_111", "mid": "0", "packetsReceived": 1,
        "packetsLost": 0, "bytesReceived": 80, "headerBytesReceived": 20,
    }  # fmt: skip


def test_outbound_counts_retransmissions_by_their_payload() -> None:
    """100 packets with headers of 28 bytes, and two again: 1340 bytes, of which 56 are headers."""
    members = _members(w3c.outbound_rtp(AT, VIDEO, SENT, (640, 360), remote_known=True))
    assert members == {
        "ssrc": 7, "kind": "video", "transportId": "T", "codecId": "C1_96", "mid": "1", "mediaSourceId": "S1",
        "remoteId": "RI7", "packetsSent": 102, "bytesSent": 101_284, "headerBytesSent": 2_856,
        "retransmittedPacketsSent": 2, "retransmittedBytesSent": 1_284, "rtxSsrc": 8, "nackCount": 3, "pliCount": 2,
        "firCount": 1, "framesSent": 25, "frameWidth": 640, "frameHeight": 360,
    }  # fmt: skip
    assert members["bytesSent"] + members["headerBytesSent"] == SENT.wire_bytes


def test_outbound_before_the_first_packet() -> None:
    members = _members(w3c.outbound_rtp(AT, AUDIO, Sent(0, 0, 0, 0, 0, 0, 0, 0, 0), None, remote_known=False))
    assert members == {
        "ssrc": 5, "kind": "audio", "transportId": "T", "codecId": "C0_111", "mid": "0", "mediaSourceId": "S0",
        "packetsSent": 0, "bytesSent": 0, "headerBytesSent": 0, "retransmittedPacketsSent": 0,
        "retransmittedBytesSent": 0, "nackCount": 0,
    }  # fmt: skip


def test_what_the_other_side_reports() -> None:
    block = ReportBlock(7, 0.25, 12, 1000, 450, 1, 0.1)
    common = {"ssrc": 7, "kind": "video", "transportId": "T", "codecId": "C1_96"}
    assert _members(w3c.remote_inbound_rtp(AT, VIDEO, block, 90_000, Trips(0.02, 0.05, 2))) == common | {
        "localId": "O7", "packetsLost": 12, "fractionLost": 0.25, "jitter": 0.005, "roundTripTime": 0.02,
        "totalRoundTripTime": 0.05, "roundTripTimeMeasurements": 2,
    }  # fmt: skip
    assert "roundTripTime" not in w3c.remote_inbound_rtp(AT, VIDEO, block, 90_000, None)
    told = SenderReport(7, w3c.NTP_EPOCH + 2.5, 0, 33, 4400)
    assert _members(w3c.remote_outbound_rtp(AT, VIDEO, told)) == common | {
        "localId": "I7", "packetsSent": 33, "bytesSent": 4400, "remoteTimestamp": 2500.0,
    }  # fmt: skip


def test_codecs_sources_and_the_connection() -> None:
    assert _members(w3c.codec(AT, "0", OUR_AUDIO[0])) == {
        "transportId": "T", "payloadType": 111, "mimeType": "audio/opus", "clockRate": 48000, "channels": 2,
        "sdpFmtpLine": "minptime=10;useinbandfec=1",
    }  # fmt: skip
    assert _members(w3c.codec(AT, "1", OUR_VIDEO[0])) == {
        "transportId": "T", "payloadType": 96, "mimeType": "video/VP8", "clockRate": 90000,
    }  # fmt: skip
    assert _members(w3c.media_source(AT, VIDEO, (320, 180))) == {
        "trackIdentifier": "cam", "kind": "video", "width": 320, "height": 180,
    }  # fmt: skip
    assert _members(w3c.media_source(AT, AUDIO, (320, 180))) == {"kind": "audio"}
    assert _members(w3c.peer_connection(AT)) == {"dataChannelsOpened": 0, "dataChannelsClosed": 0}


def _candidate(port: int, **more: Any) -> Candidate:
    return Candidate("f", 1, "UDP", 100, "192.0.2.1", port, **({"type": "host"} | more))


@pytest.fixture
def pairs() -> list[Pair]:
    relay = _candidate(3, type="relay", related_address="192.0.2.9", related_port=4)
    return [
        Pair(_candidate(1), _candidate(2), "succeeded", nominated=True, selected=True),
        Pair(_candidate(1), relay, "in-progress", nominated=False, selected=False),
    ]


def test_transport_and_its_pairs(pairs: list[Pair]) -> None:
    known = Transport(True, "client", True, 1000, 2000, 0.03)
    found = w3c.report(w3c.transport(AT, known, pairs))
    selected = "CPLhost_192.0.2.1_1_Rhost_192.0.2.1_2"
    assert _members(found["T"]) == {
        "iceRole": "controlling", "dtlsRole": "client", "iceState": "connected", "dtlsState": "connected",
        "bytesSent": 1000, "bytesReceived": 2000, "selectedCandidatePairId": selected,
    }  # fmt: skip
    assert _members(found[selected]) == {
        "transportId": "T", "localCandidateId": "Lhost_192.0.2.1_1", "remoteCandidateId": "Rhost_192.0.2.1_2",
        "state": "succeeded", "nominated": True, "bytesSent": 1000, "bytesReceived": 2000,
        "currentRoundTripTime": 0.03,
    }  # fmt: skip
    other = found["CPLhost_192.0.2.1_1_Rrelay_192.0.2.1_3"]
    assert (other["state"], "bytesSent" in other) == ("in-progress", False)
    assert found["Lhost_192.0.2.1_1"]["type"] == "local-candidate"
    assert _members(found["Rrelay_192.0.2.1_3"]) == {
        "transportId": "T", "address": "192.0.2.1", "port": 3, "protocol": "udp", "candidateType": "relay",
        "priority": 100, "foundation": "f", "relatedAddress": "192.0.2.9", "relatedPort": 4,
    }  # fmt: skip


def test_a_candidate_over_tcp_is_another_one_than_that_over_udp() -> None:
    udp, tcp = _candidate(2), Candidate("f", 1, "tcp", 90, "192.0.2.1", 2, "host", tcp_type="passive")
    pairs = [Pair(_candidate(1), remote, "succeeded", nominated=True, selected=False) for remote in (udp, tcp)]
    found = w3c.report(w3c.transport(AT, Transport(False, "server", True, 0, 0, None), pairs))
    assert (found["Rhost_192.0.2.1_2_tcp"]["protocol"], found["Rhost_192.0.2.1_2_tcp"]["tcpType"]) == ("tcp", "passive")
    assert "tcpType" not in found["Rhost_192.0.2.1_2"]
    assert len([entry for entry in found.values() if entry["type"] == "candidate-pair"]) == 2


def test_ids_refer_to_entries(pairs: list[Pair]) -> None:
    found = w3c.report(w3c.transport(AT, Transport(False, "server", True, 0, 0, None), pairs))
    for entry in found.values():
        assert {value for name, value in entry.items() if name.endswith("Id")} <= found.keys()
