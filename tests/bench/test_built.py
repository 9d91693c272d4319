"""Programs made from sources: once for each state of them, whole or not at all."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.bench.built import built, compile_by
from tests.bench.row import PeerFailed


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MEETPROBE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    folder = tmp_path / "peer"
    folder.mkdir()
    (folder / "main.c").write_text("one")
    return folder


def test_it_is_built_once_and_again_when_the_sources_change(cache: Path, sources: Path) -> None:
    made: list[str] = []

    def build(program: Path) -> None:
        made.append((sources / "main.c").read_text())
        program.write_text(made[-1])

    first = built(sources, build)
    assert (built(sources, build), first.parent, first.read_text()) == (first, cache, "one")
    (sources / "main.c").write_text("two")
    second = built(sources, build)
    assert (made, second.read_text()) == (["one", "two"], "two")
    assert sorted(cache.iterdir()) == sorted((first, second))


def test_what_was_not_built_is_not_kept(cache: Path, sources: Path) -> None:
    def build(program: Path) -> None:
        program.write_text("half")
        raise PeerFailed("no luck")

    with pytest.raises(PeerFailed, match="no luck"):
        built(sources, build)
    assert list(cache.iterdir()) == []


def test_a_compiler_that_fails_is_quoted(tmp_path: Path) -> None:
    complaint = "import sys; sys.exit('main.c:1:   broken')"
    with pytest.raises(PeerFailed, match=r"says: main\.c:1: broken$"):
        compile_by([sys.executable, "-c", complaint], tmp_path)
