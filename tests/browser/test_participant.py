"""Where a browser is sent, and which browser: without one being started."""

from __future__ import annotations

from pathlib import Path

import pytest

from probe.browser.chromium import EXECUTABLE, executable
from probe.browser.participant import page_url
from probe.model.errors import ConfigError


@pytest.mark.parametrize(
    ("url", "room", "token", "expected"),
    [
        ("ws://127.0.0.1:8787/ws", "a", "", "http://127.0.0.1:8787/meet/a?name=zoe&auto=1&camera=1"),
        ("wss://example.org/ws", "a/b ü", "", "https://example.org/meet/a%2Fb%20%C3%BC?name=zoe&auto=1&camera=1"),
        ("ws://[::1]:1", "a", "s&1", "http://[::1]:1/meet/a?name=zoe&auto=1&camera=1#token=s%261"),
    ],
)
def test_the_page_of_a_room(url: str, room: str, token: str, expected: str) -> None:
    assert page_url(url, room, "zoe", token) == expected


def test_other_platforms_have_no_such_page() -> None:
    with pytest.raises(ConfigError, match="browsers join meetings of the shim only") as caught:
        page_url("https://user:secret@example.org/whip?token=secret", "a", "zoe")
    assert "secret" not in str(caught.value)


def test_a_named_executable_must_be_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(EXECUTABLE, str(tmp_path / "none"))
    with pytest.raises(ConfigError, match="is no executable"):
        executable()
    (tmp_path / "none").touch(mode=0o755)
    assert executable() == str(tmp_path / "none")


def test_without_any_chromium_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(EXECUTABLE, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match="install Debian's chromium"):
        executable()
