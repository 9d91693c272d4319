"""What a peer came to in one round, and what a peer says when it can't be measured."""

from __future__ import annotations

from dataclasses import dataclass

REFERENCE = "meetprobe"
"""What a peer is compared with, unless its rows say otherwise."""


@dataclass(frozen=True)
class Row:
    """One peer in one round. CPU is process time, user and system, of all processes of the peer; None: not measured.

    `measured`: what was done with each packet, so that nobody takes a peer that reads and discards for one that measures.
    `cpu_us_per_packet`: CPU in the window, sending included, over the packets received in it, in microseconds.
    `cpu_core_per_participant`: CPU seconds a second. `packets_per_second`: received, by each participant.
    `rss_bytes_per_participant`: what the resident memory grew by, from before the first join to the end of the window.
    `reference`: the name of the row that this one is compared with, in the same round.
    """

    name: str
    measured: str
    participants: int
    cpu_us_per_packet: float
    cpu_core_per_participant: float | None = None
    join_cpu_seconds: float | None = None
    rss_bytes_per_participant: float | None = None
    packets_per_second: float | None = None
    reference: str = REFERENCE
    note: str = ""


class NotInstalled(Exception):
    """A peer is missing here; the text says what to install."""


class PeerFailed(Exception):
    """A peer is there but gave no figures; the text says why."""


def row_of_window(
    name: str,
    measured: str,
    *,
    participants: int,
    seconds: float,
    cpu_seconds: float,
    packets_received: int,
    setup_cpu_seconds: float,
    grown_bytes: float,
    note: str = "",
) -> Row:
    """A row from what a peer counted: CPU and packets of a window, CPU and memory of all joins together.

    Raises PeerFailed where nothing was received: there is nothing to divide by, and nothing worth dividing."""
    if packets_received <= 0 or seconds <= 0:
        raise PeerFailed(f"{name}: {packets_received} packets received in {seconds:g} s: its calls carry no media")
    return Row(
        name=name,
        measured=measured,
        participants=participants,
        cpu_us_per_packet=cpu_seconds / packets_received * 1e6,
        cpu_core_per_participant=cpu_seconds / seconds / participants,
        join_cpu_seconds=setup_cpu_seconds / participants,
        rss_bytes_per_participant=grown_bytes / participants,
        packets_per_second=packets_received / seconds / participants,
        note=note,
    )
