"""Where the history is."""

from __future__ import annotations

from pathlib import Path

import pytest

from probe.model.errors import ConfigError
from reports.store.location import data_folder, history_url, shown


@pytest.mark.parametrize(
    ("environment", "folder"),
    [
        ({"XDG_DATA_HOME": "/data"}, Path("/data/meetprobe")),
        ({"XDG_DATA_HOME": "not/absolute"}, Path("/home/me/.local/share/meetprobe")),
        ({"XDG_DATA_HOME": ""}, Path("/home/me/.local/share/meetprobe")),
        ({}, Path("/home/me/.local/share/meetprobe")),
    ],
)
def test_the_data_folder_is_where_the_user_wants_it(
    environment: dict[str, str], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    assert data_folder(environment) == folder


@pytest.mark.parametrize(
    ("told", "environment", "where"),
    [
        (None, {"XDG_DATA_HOME": "/data"}, "/data/meetprobe/history.db"),
        ("", {"XDG_DATA_HOME": "/data"}, "/data/meetprobe/history.db"),
        (None, {"MEETPROBE_HISTORY": "/env.db"}, "/env.db"),
        ("/told.db", {"MEETPROBE_HISTORY": "/env.db"}, "/told.db"),
        ("sqlite:////told.db", {}, "/told.db"),
        ("postgresql://me:secret@db:5433/runs", {}, "postgresql+psycopg://db:5433/runs"),
        ("postgresql+psycopg://me@db/runs", {}, "postgresql+psycopg://db/runs"),
        ("postgres://db/runs", {}, "postgresql+psycopg://db/runs"),
    ],
)
def test_an_option_an_environment_or_the_users_own_file(
    told: str | None, environment: dict[str, str], where: str
) -> None:
    url = history_url(told, environment)
    assert url is not None
    assert shown(url) == where, "and never a user or a password"


@pytest.mark.parametrize(("told", "environment"), [("none", {}), ("NONE", {}), (None, {"MEETPROBE_HISTORY": "none"})])
def test_none_switches_it_off(told: str | None, environment: dict[str, str]) -> None:
    assert history_url(told, environment) is None


@pytest.mark.parametrize("told", ["mysql://db/runs", "sqlite://", "sqlite:///:memory:", "http://db", "://"])
def test_other_databases_are_refused(told: str) -> None:
    with pytest.raises(ConfigError) as refused:
        history_url(told, {})
    assert refused.value.who == "--history"
    assert "postgresql+psycopg://" in refused.value.hint


@pytest.mark.parametrize(("told", "where"), [(None, "~"), ("~nobody-of-that-name/history.db", "~nobody-of-that-name")])
def test_a_user_without_a_home_folder_is_told_what_to_set(
    told: str | None, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def homeless(path: Path) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "expanduser", homeless)
    with pytest.raises(ConfigError, match=f"nobody knows where {where} is") as refused:
        history_url(told, {})
    assert "XDG_DATA_HOME" in refused.value.hint
    assert history_url("none", {}) is None
