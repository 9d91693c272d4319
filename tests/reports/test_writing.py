"""A folder with all forms of a report."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from probe.model.errors import ConfigError
from reports.html import render_html
from reports.writing import RENDERERS, write_all
from tests.reports.full import full_document


def test_every_form_is_there_and_nothing_else(tmp_path: Path) -> None:
    document = full_document()
    (tmp_path / "report.html").write_text("the old one", encoding="utf-8")
    assert write_all(document, tmp_path) == [tmp_path / name for name in RENDERERS]
    assert {path.name for path in tmp_path.iterdir()} == set(RENDERERS) == {
        "report.json", "report.html", "kpis.csv", "metrics.csv", "junit.xml", "summary.md", "metrics.prom",
    }  # fmt: skip
    assert json.loads((tmp_path / "report.json").read_text(encoding="utf-8")) == document
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == render_html(document)
    assert b"\r\r" not in (tmp_path / "kpis.csv").read_bytes()


def test_strict_reaches_junit(tmp_path: Path) -> None:
    write_all(full_document(), tmp_path, strict=True)
    root = ElementTree.fromstring((tmp_path / "junit.xml").read_bytes())
    assert root.attrib["errors"] == "5"


def test_a_file_that_can_not_be_written_leaves_no_half(tmp_path: Path) -> None:
    (tmp_path / "kpis.csv").mkdir()
    with pytest.raises(ConfigError, match="can't write there") as raised:
        write_all(full_document(), tmp_path)
    assert raised.value.who == str(tmp_path / "kpis.csv")
    assert (tmp_path / "report.json").exists()
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_where_nothing_can_be_removed_either(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a file system that has become read-only: the unlink fails as the write did."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(Path, "write_text", refuse)
    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(ConfigError, match="Read-only file system"):
        write_all(full_document(), tmp_path)
