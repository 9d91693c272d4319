"""Where the platform under test is, and what lets us in."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field

from probe.model.url import without_secrets
from probe.model.validation import Strict


@dataclass(frozen=True, slots=True)
class Tls:
    """Whose certificates we trust: the system's authorities, or those of the PEM file `ca` instead. `insecure`: anybody's."""

    ca: Path | None = None
    insecure: bool = False


SYSTEM = Tls()
ROOM_NUMBER = "{n}"


class Platform(Strict):
    """`signalling` names the adapter that enters its meetings; empty: the URL tells. `token` is never shown. `room` is the name of
    the meetings' room there, "{n}" in it the meeting's number; empty: a new one for each."""

    url: str
    signalling: str = ""
    token: Annotated[str, Field(repr=False)] = ""
    ca: Path | None = None
    insecure: bool = False
    room: Annotated[str, Field(max_length=128)] = ""

    def room_of(self, stamp: str, number: int) -> str:
        """Of meeting `number` (from 1) of the run that `stamp` names."""
        return self.room.replace(ROOM_NUMBER, str(number)) if self.room else f"probe-{stamp}-{number}"

    @property
    def shown(self) -> str:
        """The URL as it may be shown."""
        return without_secrets(self.url)

    @property
    def tls(self) -> Tls:
        """How its certificates are checked."""
        return Tls(self.ca, self.insecure)
