"""The SFU's media side: one `MediaPath` per open path, one `Forwarder` per room, packets carried between them."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial

from probe import native
from probe.rtc.clock import Clock
from probe.rtc.peer import PeerConfig
from probe.wire.rtcp import RtcpPacket
from probe.wire.rtp import RtpHeader
from sfu_shim.config import ShimConfig
from sfu_shim.core.audience import Audience, Transmit
from sfu_shim.core.effects import Event, FromSfu, SfuFailed, Signal
from sfu_shim.core.forwarding import Forwarder, TrackId
from sfu_shim.core.stats import ForwardingStats
from sfu_shim.core.track import TrackSpec
from sfu_shim.media_path import MediaPath, OneWay
from sfu_shim.native_audience import NativeAudience, Routes

log = logging.getLogger("sfu_shim")


@dataclass(slots=True)
class _Room:
    forwarder: Forwarder
    paths: dict[str, MediaPath] = field(default_factory=dict)


class SfuMedia:
    """Implements `hub.Media`. `report` gets what the rooms have to know; it is called from tasks only."""

    def __init__(self, config: ShimConfig, clock: Clock, report: Callable[[Event], None]) -> None:
        self._config = config
        self._clock = clock
        self._report = report
        self._peer_config = PeerConfig(addresses=config.addresses, connect_deadline=config.connect_deadline)
        self._stats = ForwardingStats()
        self._routes = Routes() if native.available() else None
        self._rooms: dict[str, _Room] = {}
        self._room_of: dict[str, str] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._reporter: asyncio.Task[None] | None = None

    # what the rooms want

    def open(self, room: str, participant: str, path: str) -> None:
        found = self._rooms.get(room)
        if found is None:
            make = Audience if self._routes is None else partial(NativeAudience, routes=self._routes)
            forwarder = Forwarder(random.Random(), self._stats, self._config.video_bitrate, make)
            found = self._rooms[room] = _Room(forwarder)
        media = MediaPath(self._peer_config, self._clock, found.forwarder, participant, path)
        self._wire(media, found)
        found.paths[path] = media
        self._room_of[path] = room
        media.start()
        if self._reporter is None:
            self._reporter = asyncio.create_task(self._report_regularly())

    def one_way(self, path: str, way: OneWay, watched: str | None = None) -> asyncio.Event:
        """The other end of this path offers once and takes no offer. Who watches gets what the others publish, or `watched`
        alone. Call it before the offer comes; the event is set once the path is connected."""
        room = self._rooms[self._room_of[path]]
        media = room.paths[path]
        media.one_way = way
        media.wanted = lambda: {
            track: found
            for track, found in _tracks_for(room, media.participant).items()
            if watched is None or found[0] == watched
        }
        return media.up

    def publishes(self, room: str, participant: str | None = None) -> bool:
        """Whether anybody in the room, or that participant, has tracks that could be watched."""
        paths = self._rooms[room].paths.values() if room in self._rooms else ()
        return any(media.published for media in paths if participant in (None, media.participant))

    def signal(self, path: str, message: Signal) -> None:
        self._rooms[self._room_of[path]].paths[path].signal(message)

    def close(self, path: str) -> None:
        name = self._room_of.pop(path)
        room = self._rooms[name]
        media = room.paths.pop(path)
        self._keep_counts(media)
        if self._routes is not None:
            self._routes.cut(path)
        task = asyncio.create_task(media.close())
        self._closing.add(task)
        task.add_done_callback(lambda task: self._closed(task, path))
        if room.paths:
            self._refresh(room)
        else:
            del self._rooms[name]

    def _closed(self, task: asyncio.Task[None], path: str) -> None:
        self._closing.discard(task)
        if self._routes is not None:
            self._stats.packets_dropped += self._routes.forget(path)

    def stats(self) -> ForwardingStats:
        """Totals of all paths, open and closed."""
        total = dataclasses.replace(self._stats)
        if self._routes is not None:
            total.packets_dropped += self._routes.dropped
        for room in self._rooms.values():
            for media in room.paths.values():
                total.packets_malformed += media.peer.malformed.total()
                total.packets_dropped += media.peer.socket_drops
                total.negotiation_failures += media.failures
        return total

    async def shutdown(self) -> None:
        for path in list(self._room_of):
            self.close(path)
        if self._reporter is not None:
            self._reporter.cancel()
            await asyncio.wait([self._reporter])
            self._reporter = None
        if self._closing:
            await asyncio.wait(self._closing)

    # wiring of one path

    def _wire(self, media: MediaPath, room: _Room) -> None:
        path = media.path

        def on_rtp(data: bytes, header: RtpHeader, arrival: float) -> None:
            media.twcc.on_packet(header, len(data), arrival)
            _send(room, room.forwarder.on_rtp(path, data, header, arrival))

        def on_rtcp(packets: list[RtcpPacket], arrival: float) -> None:
            _send(room, room.forwarder.on_rtcp(path, packets, arrival, self._clock.to_ntp(arrival)))

        def on_replay(header: RtpHeader, size: int, arrival: float) -> None:
            self._stats.packets_duplicate += 1

        def on_phase(phase: str, time: float) -> None:
            if phase == "dtls_connected":
                self._find_route(media)

        def on_closed(reason: str) -> None:
            self._find_route(media)
            asyncio.get_running_loop().call_soon(media.failed, reason)

        media.peer.on_rtp, media.peer.on_rtcp = on_rtp, on_rtcp
        media.peer.on_replay, media.peer.on_closed, media.peer.on_phase = on_replay, on_closed, on_phase
        media.wanted = lambda: _tracks_for(room, media.participant)
        media.say = lambda message: self._report(FromSfu(path, message))
        media.changed = lambda: self._refresh(room)
        media.failed = lambda reason: self._report(SfuFailed(path, reason))

    def _find_route(self, media: MediaPath) -> None:
        if self._routes is not None:
            self._routes.update(media.path, media.peer)

    @staticmethod
    def _refresh(room: _Room) -> None:
        for media in room.paths.values():
            media.refresh()

    def _keep_counts(self, media: MediaPath) -> None:
        self._stats.packets_malformed += media.peer.malformed.total()
        self._stats.packets_dropped += media.peer.socket_drops
        self._stats.negotiation_failures += media.failures

    async def _report_regularly(self) -> None:
        while True:
            await asyncio.sleep(self._config.report_interval)
            for room in self._rooms.values():
                for media in room.paths.values():
                    self._find_route(media)  # ICE may have changed its mind
                for endpoint in room.forwarder.endpoints:
                    now = self._clock.now()
                    _send(room, room.forwarder.reports(now, self._clock.to_ntp(now), endpoint))


def _tracks_for(room: _Room, participant: str) -> dict[TrackId, tuple[str, TrackSpec]]:
    """All that the others in the room publish, with who publishes it."""
    return {
        track: (media.participant, spec)
        for media in room.paths.values()
        if media.participant != participant
        for track, spec in media.published.items()
    }


def _send(room: _Room, packets: Iterable[Transmit]) -> None:
    for endpoint, data, rtcp in packets:
        media = room.paths.get(endpoint)
        if media is None:
            continue
        if rtcp:
            media.peer.send_rtcp(data)
        else:
            media.peer.send_rtp(data)
