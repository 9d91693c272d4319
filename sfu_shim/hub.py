"""Carries the effects of the rooms out: to the participants' outboxes and to the SFU's media; keeps their one timer."""

from __future__ import annotations

import asyncio
import logging
import random
from collections import Counter, deque
from collections.abc import Callable
from typing import Protocol, assert_never

from probe.rtc.clock import Clock
from sfu_shim.config import ShimConfig
from sfu_shim.core.effects import (
    CloseSfu,
    Effect,
    Enter,
    Event,
    Goodbye,
    OpenSfu,
    Received,
    Refuse,
    Role,
    Send,
    Signal,
    ToSfu,
    Vanish,
)  # fmt: skip
from sfu_shim.core.protocol import ClientMessage, ErrorMessage, encode
from sfu_shim.core.rooms import Rooms
from sfu_shim.core.stats import ForwardingStats

log = logging.getLogger("sfu_shim")

CLOSE_NORMAL = 1000
CLOSE_TOO_SLOW = 1013
CLOSE_CODES = {"bad_message": 4400, "version": 4400, "bad_token": 4401, "room_full": 4403, "join_timeout": 4408}
"""WebSocket close codes of the errors that end a connection."""

_MAX_QUEUED = 4096


class Media(Protocol):
    """The SFU's media side. `open`, `close` and `signal` return at once; what follows comes back as events."""

    def open(self, room: str, participant: str, path: str) -> None: ...
    def close(self, path: str) -> None: ...
    def signal(self, path: str, message: Signal) -> None: ...
    def stats(self) -> ForwardingStats: ...
    async def shutdown(self) -> None: ...


class Outbox:
    """What is to be written to one WebSocket, in order, ended by a close code. Bounded: who doesn't read is dropped."""

    def __init__(self) -> None:
        self._texts: deque[str] = deque()
        self._changed = asyncio.Event()
        self.ending: tuple[int, str] | None = None

    def put(self, text: str) -> None:
        if self.ending is not None:
            return
        if len(self._texts) >= _MAX_QUEUED:
            self._texts.clear()
            self.end(CLOSE_TOO_SLOW, "messages are not read")
            return
        self._texts.append(text)
        self._changed.set()

    def end(self, code: int, reason: str) -> None:
        """Close after what is queued. The first call counts."""
        if self.ending is None:
            self.ending = (code, reason)
            self._changed.set()

    async def take(self) -> str | None:
        """The next text; None when `ending` is what comes next."""
        while not self._texts:
            if self.ending is not None:
                return None
            self._changed.clear()
            await self._changed.wait()
        return self._texts.popleft()


Report = Callable[[Event], None]


class Hub:
    """`make_media` gets the function by which the media side reports its events."""

    def __init__(self, config: ShimConfig, clock: Clock, make_media: Callable[[Report], Media]) -> None:
        self.rooms = Rooms(config.policy, random.Random())
        self.errors: Counter[str] = Counter()
        self.media = make_media(self.handle)
        self._clock = clock
        self._outboxes: dict[str, Outbox] = {}
        self._timer: asyncio.TimerHandle | None = None

    def enter(self, participant: str, room: str, name: str, outbox: Outbox, role: Role = "member") -> None:
        self._outboxes[participant] = outbox
        self.handle(Enter(participant, room, name, role))

    def receive(self, participant: str, message: ClientMessage) -> None:
        self.handle(Received(participant, message))

    def is_in(self, participant: str) -> bool:
        return participant in self._outboxes

    def vanish(self, participant: str) -> None:
        """The WebSocket is gone. No effect on somebody who left or never was in."""
        if self._outboxes.pop(participant, None) is not None:
            self.handle(Vanish(participant))

    def handle(self, event: Event) -> None:
        self._carry_out(self.rooms.handle(event, self._clock.now()))

    async def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for participant in list(self._outboxes):
            self.vanish(participant)
        await self.media.shutdown()

    def _poll(self) -> None:
        self._timer = None
        self._carry_out(self.rooms.poll(self._clock.now()))

    def _carry_out(self, effects: list[Effect]) -> None:
        for effect in effects:
            self._do(effect)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        deadline = self.rooms.next_deadline()
        if deadline is not None:
            delay = max(0.0, deadline - self._clock.now())
            self._timer = asyncio.get_running_loop().call_later(delay, self._poll)

    def _do(self, effect: Effect) -> None:
        match effect:
            case Send(participant, message):
                if isinstance(message, ErrorMessage):
                    self.errors[message.code] += 1
                outbox = self._outboxes.get(participant)
                if outbox is not None:
                    outbox.put(encode(message))
            case OpenSfu(room, participant, path):
                self.media.open(room, participant, path)
            case CloseSfu(path):
                self.media.close(path)
            case ToSfu(path, message):
                self.media.signal(path, message)
            case Goodbye(participant):
                self._outboxes.pop(participant).end(CLOSE_NORMAL, "left")
            case Refuse(participant, code, text):
                self.errors[code] += 1
                outbox = self._outboxes.pop(participant)
                outbox.put(encode(ErrorMessage(code=code, message=text)))
                outbox.end(CLOSE_CODES[code], text)
            case _:
                assert_never(effect)
