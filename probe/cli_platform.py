"""The options that say where the platform is and what lets us in."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from probe.model.errors import ConfigError
from probe.model.platform import ROOM_NUMBER, Platform
from probe.model.scenario import Scenario
from probe.model.url import without_secrets

TOKEN_VARIABLE = "MEETPROBE_TOKEN"
_LONGEST_TOKEN = 64 * 1024


@dataclass(frozen=True, slots=True)
class PlatformChoice:
    """The options as they were given."""

    url: str | None = None
    signalling: str = ""
    token_file: Path | None = None
    ca: Path | None = None
    insecure: bool = False
    room: str = ""

    @property
    def shown(self) -> str:
        """The target as reports name it."""
        return without_secrets(self.url) if self.url else "embedded"

    def read(self, scenario: Scenario) -> Platform | None:
        """None without a URL: the embedded shim. The token comes from its file, else from the environment: a command line is shown to
        everybody on the machine. Raises ConfigError for what can't be read or does not go together."""
        if self.url is None:
            self._nothing_else()
            return None
        if self.insecure and self.ca is not None:
            raise ConfigError("it trusts anybody, so --ca says nothing", who="--insecure", hint="leave one of them out")
        if self.room and ROOM_NUMBER not in self.room and scenario.meetings * scenario.rounds > 1:
            raise ConfigError(
                f"{scenario.meetings * scenario.rounds} meetings would be one in room {self.room!r}",
                who="--room",
                hint=f"put {ROOM_NUMBER} where the meeting's number belongs",
            )
        token = _read(self.token_file) if self.token_file is not None else _of_environment()
        return Platform(
            url=self.url, signalling=self.signalling, token=token, ca=self.ca, insecure=self.insecure, room=self.room
        )

    def _nothing_else(self) -> None:
        told = {
            "--signalling": self.signalling,
            "--token-file": self.token_file,
            "--ca": self.ca,
            "--insecure": self.insecure,
            "--room": self.room,
        }
        for name in (name for name, value in told.items() if value):
            raise ConfigError("it says nothing without a platform", who=name, hint="name the platform by --url")


def _of_environment() -> str:
    """What a secret is mounted from often ends with a line break, which no header may hold."""
    token = os.environ.get(TOKEN_VARIABLE, "").strip()
    if not token.isprintable() or " " in token:
        raise ConfigError("it holds more than one token", who=TOKEN_VARIABLE, hint="its only word is the token")
    return token


def _read(path: Path) -> str:
    who = f"--token-file {path}"
    try:
        with path.open(encoding="utf-8") as file:
            token = file.read(_LONGEST_TOKEN + 1).strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"can't be read: {getattr(error, 'strerror', None) or error}", who=who) from error
    if not token or len(token) > _LONGEST_TOKEN or any(character.isspace() for character in token):
        raise ConfigError("it holds no token, or more than one", who=who, hint="the file's only word is the token")
    return token
