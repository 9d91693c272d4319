"""Where the platform is: options that are read, and options that can't be."""

from __future__ import annotations

from pathlib import Path

import pytest

from probe.cli_platform import PlatformChoice
from probe.model.errors import ConfigError
from probe.model.scenario import Scenario

ONE = Scenario(name="one")
URL = "wss://meet.example/ws"


@pytest.fixture(autouse=True)
def _no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MEETPROBE_TOKEN", raising=False)


def test_without_a_url_it_is_the_embedded_shim() -> None:
    assert PlatformChoice().read(ONE) is None
    assert PlatformChoice().shown == "embedded"


def test_the_token_of_a_file_goes_before_that_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "token"
    file.write_text("  of-the-file\n")
    monkeypatch.setenv("MEETPROBE_TOKEN", "of-the-environment")
    told = [PlatformChoice(URL).read(ONE), PlatformChoice(URL, token_file=file).read(ONE)]
    assert [platform.token for platform in told if platform is not None] == ["of-the-environment", "of-the-file"]
    assert "of-the" not in repr(told)


@pytest.mark.parametrize("content", [b"", b" \n", b"two words", b"\xff\xfe", b"t" * 70_000])
def test_a_file_without_a_token(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "token"
    file.write_bytes(content)
    with pytest.raises(ConfigError, match="--token-file"):
        PlatformChoice(URL, token_file=file).read(ONE)


def test_a_line_break_after_the_token_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEETPROBE_TOKEN", "hush\n")
    told = PlatformChoice(URL).read(ONE)
    assert told is not None
    assert told.token == "hush"
    monkeypatch.setenv("MEETPROBE_TOKEN", "hush\nX-Other: 1")
    with pytest.raises(ConfigError, match="MEETPROBE_TOKEN") as raised:
        PlatformChoice(URL).read(ONE)
    assert "hush" not in str(raised.value)


@pytest.mark.parametrize(
    "choice",
    [
        PlatformChoice(signalling="whip"),
        PlatformChoice(insecure=True),
        PlatformChoice(ca=Path("x")),
        PlatformChoice(room="r"),
    ],
)
def test_what_says_nothing_without_a_platform(choice: PlatformChoice) -> None:
    with pytest.raises(ConfigError, match="says nothing without a platform"):
        choice.read(ONE)


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        PlatformChoice(URL, token_file=tmp_path / "none").read(ONE)


def test_who_trusts_anybody_needs_no_authority() -> None:
    with pytest.raises(ConfigError, match="--insecure"):
        PlatformChoice(URL, insecure=True, ca=Path("ca.pem")).read(ONE)


def test_rooms() -> None:
    given = PlatformChoice(URL, room="standup-{n}").read(Scenario(name="two", meetings=2))
    assert given is not None
    assert [given.room_of("ab12", number) for number in (1, 2)] == ["standup-1", "standup-2"]
    usual = PlatformChoice(URL).read(ONE)
    assert usual is not None
    assert usual.room_of("ab12", 3) == "probe-ab12-3"
    with pytest.raises(ConfigError, match="2 meetings would be one in room 'standup'"):
        PlatformChoice(URL, room="standup").read(Scenario(name="two", rounds=2))
