"""rtcstats dumps turned into webrtc-internals dumps: columns beside their timestamps, thinned where there are too many."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from probe.client.dumps.internals import Columns, iso, write_internals

HEAD = ["RTCStatsDump", '{"fileFormat":3}']


def _report(time: float, **members: Any) -> dict[str, Any]:
    return {"I1": {"id": "I1", "timestamp": time, "type": "inbound-rtp", **members}}


def test_a_member_that_comes_late_stands_beside_its_time() -> None:
    columns = Columns()
    columns.add(_report(0.0, packetsReceived=1))
    columns.add(_report(1000.0, packetsReceived=2, jitter=0.5))
    columns.finish()
    assert columns.stats() == {
        f"I1-{member}": {
            "startTime": "1970-01-01T00:00:00.000Z", "endTime": "1970-01-01T00:00:01.000Z",
            "statsType": "inbound-rtp", "values": values,
        }
        for member, values in {
            "timestamp": "[0.0,1000.0]", "type": '["inbound-rtp","inbound-rtp"]', "packetsReceived": "[1,2]",
            "jitter": "[null,0.5]",
        }.items()
    }  # fmt: skip


def test_long_ones_are_thinned_and_keep_their_ends() -> None:
    columns = Columns(most=8)
    for second in range(100):
        columns.add(_report(second * 1000.0, packetsReceived=second))
    columns.finish()
    kept = columns.values["I1"]["packetsReceived"]
    assert kept == [0, 16, 32, 48, 64, 80, 96, 99]
    assert [time / 1000 for time in columns.values["I1"]["timestamp"]] == kept


def test_nothing_is_thinned_before_there_are_too_many() -> None:
    columns = Columns(most=8)
    for second in range(7):
        columns.add(_report(second * 1000.0))
    columns.finish()
    assert len(columns.values["I1"]["timestamp"]) == 7


def test_events_are_named_and_written_as_chromium_does(tmp_path: Path) -> None:
    source = tmp_path / "u1.rtcstats"
    lines = [
        ["create", "9-1", {"iceServers": []}, "ws://x u1 sfu", 1_000_000.0],
        ["createOffer", "9-1", None, 1.5],
        ["setLocalDescription", "9-1", {"type": "offer", "sdp": "v=0\r\n"}, 0.25],
        ["oniceconnectionstatechange", "9-1", "checking", 0.25],
        ["getStats", "9-1", {"T": {"timestamp": 1_000_002.0, "type": "transport", "bytesSent": 7}}, 0.0],
        ["getStats", "9-1", {"T": {"timestamp": 1_001_002.0}}, 1000.0],
    ]
    unfinished = '["getStats","9-1",{"T":{"timest'
    source.write_text("\n".join([*HEAD, *(json.dumps(line) for line in lines), unfinished]), encoding="utf-8")
    written = write_internals(source, "meetprobe/1.2")
    assert written == tmp_path / "u1.webrtc-internals.json"
    dump = json.loads(written.read_text(encoding="utf-8"))
    connection = dump["PeerConnections"]["9-1"]
    assert (connection["pid"], connection["url"], connection["rtcConfiguration"]) == (
        9, "ws://x u1 sfu", '{"iceServers":[]}',
    )  # fmt: skip
    assert [(entry["type"], entry["value"], entry["timestamp"]) for entry in connection["updateLog"]] == [
        ("createOffer", "", 1_000_001.5),
        ("setLocalDescription", '{"type":"offer","sdp":"v=0\\r\\n"}', 1_000_001.75),
        ("iceconnectionstatechange", '"checking"', 1_000_002.0),
    ]
    assert connection["updateLog"][0]["time"] == "1970-01-01T00:16:40.001Z" == iso(1_000_001.5)
    assert json.loads(connection["stats"]["T-bytesSent"]["values"]) == [7, 7]
    assert json.loads(connection["stats"]["T-timestamp"]["values"]) == [1_000_002.0, 1_001_002.0]
    assert (dump["getUserMedia"], dump["UserAgent"]) == ([], "meetprobe/1.2")
