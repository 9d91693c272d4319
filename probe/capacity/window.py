"""What a process's participants have counted so far: two of these make a window."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from probe.capacity.machine import cpu_seconds, waited_seconds
from probe.client.context import Context
from probe.client.participant import Participant

StreamKey = tuple[str, str, int]


@dataclass(frozen=True, slots=True)
class Counters:
    """`time` monotonic; `waited` for a processor; `streams` distinct packets by (participant, path, SSRC)."""

    time: float
    cpu: float
    waited: float | None
    sent: int
    lost: int
    drops: int
    authenticated: int
    streams: dict[StreamKey, int]

    @property
    def received(self) -> int:
        return sum(self.streams.values())


def count(context: Context, participants: Iterable[Participant], cpu: float | None = None) -> Counters:
    """Read all streams, at one moment: nothing is received or sent meanwhile. `cpu`: the process's CPU time up to here, where
    it was read before; else it is read last, so that the counting itself falls out of the window on both ends."""
    now, sent, lost, drops, authenticated = context.clock.now(), 0, 0, context.socket_drops, 0
    streams: dict[StreamKey, int] = {}
    for participant in participants:
        for name, path in participant.paths.items():
            drops += path.peer.socket_drops
            authenticated += path.peer.authenticated + (
                path.peer.lane.authenticated if path.peer.lane is not None else 0
            )
            sent += sum(sender.packets for sender in path.rtcp.senders.values())
            for ssrc, receiver in path.rtcp.receivers.items():
                snapshot = receiver.stream.snapshot(now)
                lost += snapshot.lost_first
                streams[participant.participant, name, ssrc] = snapshot.packets
    return Counters(
        now, cpu_seconds() if cpu is None else cpu, waited_seconds(), sent, lost, drops, authenticated, streams
    )


def measured_streams(first: Counters, last: Counters) -> int:
    """Streams that were there on both ends and brought something in between."""
    return sum(packets > first.streams.get(key, packets) for key, packets in last.streams.items())
