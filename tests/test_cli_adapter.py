"""`probe adapter`, as a user calls it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from probe.adapter_check import failing
from probe.cli import main
from probe.signalling.adapters import adapter

BROKEN = """
class Broken:
    schemes = ("ws",)
    topologies = ("sfu",)

    def __init__(self, url, access): ...
"""


@pytest.fixture
def probe(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    adapter.cache_clear()
    monkeypatch.delenv("MEETPROBE_TOKEN", raising=False)

    def call(*arguments: object) -> tuple[object, str, str]:
        monkeypatch.setattr(sys, "argv", ["probe", "adapter", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capsys.readouterr()
        return ended.value.code, captured.out, captured.err

    return call


def test_the_list_names_each_with_its_urls(probe: Any) -> None:
    _, out, _ = probe("list")
    lines = {line.split()[0]: line for line in out.splitlines()}
    assert set(lines) >= {"shim", "whip", "whep", "janus"}
    assert "ws://, wss://" in lines["shim"]


def test_one_that_keeps_the_contract(probe: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failing, "CASES", failing.CASES[:1])
    code, out, _ = probe("check", "shim")
    assert code == 0
    assert "✓ nobody listens: ServerUnreachable" in out
    assert out.endswith("shim keeps the contract\n")


def test_one_that_breaks_it(probe: Any, tmp_path: Path) -> None:
    file = tmp_path / "broken_adapter.py"
    file.write_text(BROKEN, encoding="utf-8")
    code, out, _ = probe("check", f"{file}:Broken")
    assert code == 3
    assert "✗ has leave()\n    there is no leave: give it one" in out
    assert "breaks the contract in 10 points" in out.replace("\n", "")
    code, out, _ = probe("check", f"{file}:Broken", "--json")
    assert code == 3
    document = json.loads(out)
    assert document["schema"] == "meetprobe/adapter-check/1"
    assert sum(bool(finding["fault"]) for finding in document["findings"]) == 10


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("janys", "did you mean 'janus'"),
        ("no.such.module:Class", "can't be loaded: ModuleNotFoundError"),
        ("nothing.py:Class", "can't be loaded: FileNotFoundError"),
        ("json:dumps", "its schemes are no tuple of names"),
        ("json:JSON", "has no attribute 'JSON'"),
    ],
)
def test_there_is_no_such_adapter(probe: Any, name: str, said: str) -> None:
    code, _, err = probe("check", name)
    assert code == 2
    assert said in err
