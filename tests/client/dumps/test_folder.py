"""The files that participants get, what is in them, and what never is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from probe.client.dumps.folder import Dumps
from probe.measure.webrtc_stats import Report
from probe.model.errors import ConfigError


def _lines(path: Path) -> list[Any]:
    magic, *rest = path.read_text(encoding="utf-8").splitlines()
    assert magic == "RTCStatsDump"
    return [json.loads(line) for line in rest]


def _report(time: float, packets: int) -> Report:
    return {"I1": {"id": "I1", "timestamp": time, "type": "inbound-rtp", "packetsReceived": packets}}


def test_a_file_per_participant_with_all_its_connections(tmp_path: Path) -> None:
    dumps = Dumps(tmp_path / "new", 2, "ws://host/ws?token=secret")
    first = dumps.record("u/1", 1000.0, "p2p to u2", {"iceServers": []})
    second = dumps.record("u/1", 1500.0, "sfu", {"iceServers": []})
    dumps.record("u2", 1000.0, "p2p to u/1", {"iceServers": []})
    first.sample(2000.0, _report(2000.0, 5))
    first.sample(3000.0, _report(3000.0, 5))
    second.event(3000.5, "close")
    dumps.left("u/1")
    dumps.left("nobody")
    dumps.close()
    dumps.close()
    assert dumps.error is None
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == [
        "2-0001-u_1.rtcstats", "2-0001-u_1.webrtc-internals.json", "2-0002-u2.rtcstats",
        "2-0002-u2.webrtc-internals.json",
    ]  # fmt: skip
    head, *lines = _lines(tmp_path / "new" / "2-0001-u_1.rtcstats")
    assert (head["fileFormat"], head["url"], head["clientIdentifier"]) == (3, "ws://host/ws?…", "u/1")
    one, two = lines[0][1], lines[1][1]
    assert lines == [
        ["create", one, {"iceServers": []}, "ws://host/ws?… u/1 p2p to u2", 1000.0],
        ["create", two, {"iceServers": []}, "ws://host/ws?… u/1 sfu", 500.0],
        ["getStats", one, {"I1": {"timestamp": 2000.0, "type": "inbound-rtp", "packetsReceived": 5}}, 500.0],
        ["getStats", one, {"I1": {"timestamp": 3000.0}}, 1000.0],
        ["close", two, None, 0.5],
    ]
    assert one != two
    dump = json.loads((tmp_path / "new" / "2-0001-u_1.webrtc-internals.json").read_text(encoding="utf-8"))
    assert list(dump["PeerConnections"]) == [one, two]


def test_what_was_sampled_is_on_disk_at_once(tmp_path: Path) -> None:
    dumps = Dumps(tmp_path, 1, "ws://host")
    dumps.record("u1", 0.0, "sfu", {}).sample(1.0, _report(1.0, 5))
    assert len(_lines(tmp_path / "1-0001-u1.rtcstats")) == 3
    dumps.close()


def test_no_password_is_written(tmp_path: Path) -> None:
    dumps = Dumps(tmp_path, 1, "ws://user:secret@host/ws?token=secret")
    recording = dumps.record("u1", 0.0, "sfu", {})
    recording.event(1.0, "setRemoteDescription", {"type": "offer", "sdp": "v=0\r\na=ice-pwd:secret\r\na=mid:0\r\n"})
    dumps.close()
    for path in tmp_path.iterdir():
        assert "secret" not in path.read_text(encoding="utf-8")
    sdp = _lines(tmp_path / "1-0001-u1.rtcstats")[2][2]["sdp"]
    assert sdp == f"v=0\r\na=ice-pwd:{'x' * 24}\r\na=mid:0\r\n"


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError) as caught:
        Dumps(tmp_path / "file" / "folder", 1, "ws://host")
    assert "--dump-stats" in str(caught.value)


def test_a_file_that_cannot_be_made_ends_the_dump_and_not_the_run(tmp_path: Path) -> None:
    (tmp_path / "1-0001-u1.rtcstats").mkdir()
    dumps = Dumps(tmp_path, 1, "ws://host")
    recording = dumps.record("u1", 0.0, "sfu", {})
    recording.sample(1.0, _report(1.0, 5))
    dumps.close()
    assert "1-0001-u1.rtcstats is not complete" in str(dumps.error)
