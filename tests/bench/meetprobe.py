"""This project's own rows: `probe capacity` in a child, at several depths."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.bench.child import run_json
from tests.bench.row import REFERENCE, PeerFailed, Row

SCHEMA = "meetprobe/capacity/1"
_UNTRUSTED = 4
"""Exit code of a command whose machine was too busy: the figures come all the same, and the row says so."""

_FIGURES = ("cpu_core_per_participant", "cpu_us_per_packet", "join_cpu_seconds", "rss_bytes_per_participant")


@dataclass(frozen=True)
class Variant:
    """One way to run `probe capacity`. `participants` None: as many as the bench is asked for."""

    name: str
    measured: str
    options: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    participants: int | None = None


VARIANTS = (
    Variant(REFERENCE, "every packet measured, from clear headers"),
    Variant("authenticated", "every packet measured, authenticated and decrypted", ("--authenticate", "1.0")),
    Variant("python", "every packet measured, without the compiled path", environment={"MEETPROBE_NATIVE": "0"}),
    Variant("processes", "every packet measured, by two processes", ("--processes", "2")),
    Variant(
        "pictures",
        "every frame decoded and read",
        ("--depth", "pictures", "--video", "640x360"),
        participants=8,
    ),
)


def measure(variant: Variant, participants: int, seconds: float) -> Row:
    """Raises PeerFailed."""
    count = variant.participants or participants
    command = [sys.executable, "-c", "from probe.cli import main; main()", "capacity"]
    command += ["--participants", str(count), "--seconds", f"{seconds:g}", "--json", *variant.options]
    # Joins, and making the video for the first time, come on top of the window.
    deadline = seconds * 2 + 90 + count * 0.2
    document = run_json(command, deadline=deadline, environment=variant.environment, codes=(0, _UNTRUSTED))
    return row_of(variant, document)


def row_of(variant: Variant, document: Mapping[str, Any]) -> Row:
    """A row from the command's document. Raises PeerFailed where that isn't one, or lacks a figure."""
    if document.get("schema") != SCHEMA:
        raise PeerFailed(f"the document is {document.get('schema')!r}, not {SCHEMA!r}")
    notes = [*document.get("errors", ()), *document.get("reasons", ())]
    figures: dict[str, Any] = {key: document.get(key) for key in _FIGURES}
    if not all(isinstance(figure, int | float) for figure in figures.values()):
        raise PeerFailed(f"probe capacity has no figures: {'; '.join(notes) or 'without a reason'}")
    if not document.get("trustworthy"):
        notes.insert(0, "beyond its trust limits")
    if document.get("native") is False and "MEETPROBE_NATIVE" not in variant.environment:
        notes.insert(0, "no compiled path here")
    participants, seconds = int(document["participants"]), float(document["seconds"])
    return Row(
        name=variant.name,
        measured=variant.measured,
        participants=participants,
        packets_per_second=document["packets_received"] / seconds / participants,
        note="; ".join(notes),
        **figures,
    )
