"""The command line and its document, with peers that are made up."""

from __future__ import annotations

import json

import pytest

from tests.bench import __main__ as bench
from tests.bench.machine import describe, processor_name
from tests.bench.rounds import Peer
from tests.bench.row import NotInstalled, PeerFailed, Row


def _ours(participants: int, seconds: float) -> Row:
    return Row("meetprobe", "measured", participants, cpu_us_per_packet=10.0)


def _missing(participants: int, seconds: float) -> Row:
    raise NotInstalled("apt-get install pion")


def _broken(participants: int, seconds: float) -> Row:
    raise PeerFailed("no luck")


@pytest.fixture(autouse=True)
def _peers(monkeypatch: pytest.MonkeyPatch) -> None:
    peers = (Peer("meetprobe", _ours), Peer("pion", _missing), Peer("aiortc", _broken))
    monkeypatch.setattr(bench, "PEERS", peers)


def test_every_peer_has_a_name_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    names = [peer.name for peer in bench.PEERS]
    assert len(set(names)) == len(names)
    assert {"meetprobe", "authenticated", "python", "processes", "pictures"} < set(names)
    assert {"pion", "aiortc", "chromium", "shim", "janus"} < set(names)


def test_the_defaults_are_the_reference_work() -> None:
    choice = bench.parse([])
    assert (choice.participants, choice.seconds, choice.rounds, choice.json) == (100, 10.0, 3, False)
    assert choice.only == list(bench.PEERS)


def test_chosen_peers_keep_their_order() -> None:
    assert [peer.name for peer in bench.parse(["--only", "aiortc, meetprobe"]).only] == ["meetprobe", "aiortc"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--only", "pion,jitsi"], "no peer jitsi; there are meetprobe, pion, aiortc"),
        (["--participants", "1"], "at least 2"),
        (["--participants", "many"], "'many' is not a number"),
        (["--seconds", "nan"], "at least 1"),
        (["--rounds", "0"], "at least 1"),
    ],
)
def test_wrong_usage_ends_with_2(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        bench.main(arguments)
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


def test_the_document_has_the_machine_the_summaries_and_every_row(capsys: pytest.CaptureFixture[str]) -> None:
    assert bench.main(["--json", "--rounds", "2", "--participants", "6", "--only", "meetprobe,pion"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == "meetprobe/bench/1"
    assert document["machine"]["processors"] >= 1
    assert (document["participants"], document["rounds"]) == (6, 2)
    ours, pion = document["peers"]
    assert (ours["name"], ours["cpu_us_per_packet"], ours["ratio"]) == ("meetprobe", 10.0, 1.0)
    assert [(row["round"], row["participants"]) for row in ours["rows"]] == [(0, 6), (1, 6)]
    assert (pion["problem"], pion["rows"]) == ("missing: apt-get install pion", [])


def test_a_missing_peer_is_no_failure_but_a_broken_one_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert bench.main(["--rounds", "1", "--only", "meetprobe,pion"]) == 0
    assert bench.main(["--rounds", "1"]) == 1
    shown = capsys.readouterr()
    assert "missing: apt-get install pion" in shown.out
    assert "failed: no luck" in shown.out
    assert "round 1 of 1: meetprobe: 10.0 µs per packet" in shown.err


def test_a_processor_has_the_name_that_the_system_gives_it() -> None:
    assert processor_name("processor\t: 0\nmodel name\t: A: 3 GHz\nmodel name\t: B\n") == "A: 3 GHz"
    assert processor_name("")
    assert describe()["aiortc"]
