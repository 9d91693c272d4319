"""Real meetings, dumped: the figures are those of the report, and the dump is what Chromium's own looks like (chromium.json holds
the structure of one that chrome://webrtc-internals saved)."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from probe.model.progress import Progress
from probe.model.scenario import Observe
from probe.run import RunOptions, run_scenario
from tests.integration import small

CHROMIUM = json.loads((Path(__file__).parent / "chromium.json").read_text(encoding="utf-8"))
_AS_TEXT = {"mid", "foundation"}
"""W3C's strings; Chromium's dump turns what looks like a number into one."""


def _names(folder: Path, ending: str) -> list[str]:
    return sorted(path.name for path in folder.glob(f"*.{ending}"))


def _dumps(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))]


def _value(series: dict[str, Any]) -> Any:
    return next(value for value in reversed(json.loads(series["values"])) if value is not None)


def _entries(connection: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The last value of each member, by id."""
    found: dict[str, dict[str, Any]] = {}
    for name, series in connection["stats"].items():
        id, _, member = name.rpartition("-")
        found.setdefault(id, {})[member] = _value(series)
    return found


def _of(folder: Path, type: str) -> Iterator[dict[str, Any]]:
    for dump in _dumps(folder):
        for connection in dump["PeerConnections"].values():
            yield from (entry for entry in _entries(connection).values() if entry["type"] == type)


def _packets(folder: Path) -> list[tuple[str, int]]:
    """Of each incoming stream, as the report has them."""
    samples = [json.loads(line) for line in (folder / "samples.jsonl").read_text(encoding="utf-8").splitlines()]
    return sorted((one["tags"]["kind"], one["detail"]["packets"]) for one in samples if one["m"] == "packet_loss_ratio")


@pytest.mark.parametrize("depth", ["frames", "headers"])
async def test_the_figures_are_those_of_the_report(tmp_path: Path, depth: Any) -> None:
    scenario = small.scenario(observe=Observe(depth=depth))
    result = await small.run(scenario, RunOptions(spool=tmp_path, dump_stats=tmp_path / "dumps"))
    assert result.errors == ()
    dumps = tmp_path / "dumps"
    assert len(_names(dumps, "rtcstats")) == len(_names(dumps, "json")) == 2
    incoming = list(_of(dumps, "inbound-rtp"))
    assert sorted((entry["kind"], entry["packetsReceived"]) for entry in incoming) == _packets(tmp_path)
    assert {entry["packetsLost"] for entry in incoming} == {0}
    outgoing = {entry["ssrc"]: entry for entry in _of(dumps, "outbound-rtp")}
    for (
        entry
    ) in incoming:  # on a network that loses nothing, both ends count the same; the sender may be a packet ahead
        sent = outgoing[entry["ssrc"]]
        assert 0 <= sent["packetsSent"] - entry["packetsReceived"] <= 3
        assert 0 <= sent["bytesSent"] - entry["bytesReceived"] <= 5000
        assert entry["headerBytesReceived"] % entry["packetsReceived"] == 0  # all headers of a stream are equally long
        assert entry["bytesReceived"] > 0
    assert not any("hush" in (dumps / name).read_text(encoding="utf-8") for name in _names(dumps, "*"))


async def test_it_looks_like_chromiums(tmp_path: Path) -> None:
    await small.run(small.scenario(observe=Observe(depth="frames")), RunOptions(dump_stats=tmp_path))
    dumps = _dumps(tmp_path)
    assert len(dumps) == 2
    for dump in dumps:
        assert dump.keys() <= set(CHROMIUM["dump"])
        (connection,) = dump["PeerConnections"].values()
        assert connection.keys() >= set(CHROMIUM["connection"])
        for name, series in connection["stats"].items():
            assert sorted(series) == CHROMIUM["series"]
            id, _, member = name.rpartition("-")
            times = json.loads(connection["stats"][f"{id}-timestamp"]["values"])
            assert len(json.loads(series["values"])) == len(times)
            if member in _AS_TEXT:
                assert isinstance(_value(series), str)
            else:
                assert _kind(_value(series)) == CHROMIUM["members"][series["statsType"]][member]
        _follows_the_protocol(connection["updateLog"])


def _kind(value: Any) -> str:
    return "boolean" if isinstance(value, bool) else "string" if isinstance(value, str) else "number"


def _follows_the_protocol(updates: list[dict[str, Any]]) -> None:
    times = [update["timestamp"] for update in updates]
    assert times == sorted(times)
    names = [update["type"] for update in updates]
    assert {"setLocalDescription", "setRemoteDescription", "ontrack", "close"} <= set(names)
    states = [update["value"] for update in updates if update["type"] == "connectionstatechange"]
    assert states == ['"connecting"', '"connected"']
    descriptions = [
        json.loads(u["value"]) for u in updates if u["type"] in ("setLocalDescription", "setRemoteDescription")
    ]
    assert sorted(one["type"] for one in descriptions) == ["answer", "offer"]
    assert all(one["sdp"].startswith("v=0\r\n") for one in descriptions)


async def test_each_process_has_files_of_its_own(tmp_path: Path) -> None:
    await small.run(small.scenario(meetings=2), RunOptions(processes=2, dump_stats=tmp_path))
    assert [name[:6] for name in _names(tmp_path, "rtcstats")] == ["1-0001", "1-0002", "2-0001", "2-0002"]
    assert len(_names(tmp_path, "json")) == 4


async def test_ctrl_c_closes_the_dumps(tmp_path: Path) -> None:
    pressed = False

    def press(now: Progress) -> None:
        nonlocal pressed
        if now.joins == 2 and not pressed:
            pressed = True
            os.kill(os.getpid(), signal.SIGINT)

    options = RunOptions(dump_stats=tmp_path)
    result = await run_scenario(small.scenario(topology="p2p", settle=20.0), options, press)
    assert result.interrupted
    dumps = _dumps(tmp_path)
    assert len(dumps) == 2
    for dump in dumps:
        (connection,) = dump["PeerConnections"].values()
        assert connection["updateLog"][-1]["type"] == "close"
