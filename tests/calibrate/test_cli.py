"""`probe calibrate` from the outside, with the calls replaced."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from probe.calibrate import calibration
from probe.calibrate.calibration import Calibration, Options
from probe.cli import main
from probe.model.errors import ConnectionFailed
from tests.calibrate.test_rows import BAD, GOOD


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[Options]:
    """Options of each calibration; it finds one good row, and one bad where the depth is headers."""
    found: list[Options] = []

    async def calibrate(options: Options, tell: Callable[[str], None]) -> Calibration:
        found.append(options)
        tell("call 1 of 1: mine")
        if options.load:
            raise ConnectionFailed("nobody there", who="A")
        rows = [GOOD, BAD] if options.depth == "headers" else [GOOD]
        return Calibration(options, rows, {"trustworthy": True, "reasons": []})

    monkeypatch.setattr(calibration, "calibrate", calibrate)
    return found


def call(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr(sys, "argv", ["probe", "calibrate", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def test_a_good_one(
    seen: list[Options], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert call(monkeypatch, "--quick", "--json", "--out", tmp_path) == 0
    out, err = capsys.readouterr()
    document = json.loads(out)
    assert document["schema"] == "meetprobe/calibration/1"
    assert document["verdict"] == "pass"
    assert json.loads((tmp_path / "calibration.json").read_text()) == document
    assert "call 1 of 1" in err
    assert len(seen[0].cases) == 4


@pytest.mark.parametrize(("depth", "code"), [("pictures", 2), ("headers", 3)])
def test_a_folder_that_can_not_be_written_leaves_the_answer_on_the_terminal(
    seen: list[Options],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    depth: str,
    code: int,
) -> None:
    (tmp_path / "calibration.json").mkdir()
    assert call(monkeypatch, "--json", "--depth", depth, "--out", tmp_path) == code
    out, err = capsys.readouterr()
    assert json.loads(out)["schema"] == "meetprobe/calibration/1"
    assert f"{tmp_path / 'calibration.json'}: can't write there" in err
    assert "Traceback" not in err


def test_what_is_out_is_told(
    seen: list[Options], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, "--depth", "headers", "--quiet") == 3
    out, err = capsys.readouterr()
    assert "1 of 2 rows are right" in out
    assert err == ""


def test_what_prevents_it_is_told(seen: list[Options], monkeypatch: pytest.MonkeyPatch) -> None:
    assert call(monkeypatch, "--load", "--quiet") == 4


@pytest.mark.parametrize(
    "arguments", [("--depth", "pixels"), ("--profile", "/nowhere.yaml"), ("--quick", "--profile", "x.yaml")]
)
def test_mistakes_end_before_the_first_call(
    seen: list[Options], monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    assert call(monkeypatch, *arguments) == 2
    assert seen == []


def test_a_profile_of_ones_own(seen: list[Options], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("up: {loss: 0.02}")
    assert call(monkeypatch, "--profile", path, "--quiet") == 0
    assert [case.name for case in seen[0].cases] == ["mine"]
