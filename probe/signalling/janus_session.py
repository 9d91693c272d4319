"""One session with Janus: requests that find their answers, keepalives, and what Janus says by itself."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import dataclass, replace

from probe.model.errors import ProbeError, ProtocolError, SignallingError
from probe.signalling.access import Access
from probe.signalling.calls import Timing
from probe.signalling.janus_messages import (
    Json,
    Message,
    MessageError,
    create,
    decode,
    destroy,
    explain,
    keepalive,
    name_of,
)
from probe.signalling.janus_transport import Lost, Nonsense, Transport
from probe.signalling.websocket import CLOSE_DEADLINE

ANSWER_DEADLINE = 10.0
LAST_DEADLINE = 1.0
"""Seconds for the answers that who leaves waits for."""
KEEPALIVE = 20.0
"""Seconds; Janus forgets a session after 60 without a sign of life, unless it is configured otherwise."""


@dataclass(slots=True)
class _Posted:
    """A request whose answer nobody waits for: what it is about, its deadline, and its time."""

    subject: str
    patience: asyncio.TimerHandle
    call: Timing
    expected: int | None


class JanusSession:
    """`request` waits for its answer. `post` does not: that answer comes by `incoming`, with the request's subject.

    Each of the two is a call, by the request's name, from sending to the final answer. Two things are none: what `tell` says has
    no answer to wait for, and a long poll waits because nothing happens.
    """

    def __init__(self, transport: Transport, access: Access) -> None:
        self.where = transport.where
        self._transport = transport
        self._access = access
        self._id: int | None = None
        self._numbers = itertools.count(1)
        self._waiting: dict[str, tuple[asyncio.Future[Message], bool]] = {}
        self._posted: dict[str, _Posted] = {}
        self._incoming: asyncio.Queue[Message | Lost] = asyncio.Queue()
        self._lost: Lost | None = None
        self._hurried = False
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self) -> None:
        """Reach Janus and create the session. Raises a SignallingError."""
        await self._transport.open()
        self._tasks.append(asyncio.create_task(self._read()))
        self._id = await self.make(create(), "signalling_connect")
        self._tasks.append(asyncio.create_task(self._keep_alive()))

    async def make(self, message: Json, phase: str) -> int:
        """The id of what that request makes. Raises as `request` does, and ProtocolError for an answer without one."""
        answer = await self.request(message, phase)
        if answer.id is None:
            told = f"the answer to {name_of(message)} has no id"
            raise ProtocolError(told, who=self.where, phase=phase, hint="is this Janus?")
        return answer.id

    async def request(self, message: Json, phase: str, *, acknowledged: bool = False) -> Message:
        """As `ask`. Raises what `explain` makes of a refusal."""
        answer = await self.ask(message, phase, acknowledged=acknowledged)
        if answer.error is not None:
            raise explain(answer.error, who=self.where, phase=phase)
        return answer

    async def ask(
        self, message: Json, phase: str, *, acknowledged: bool = False, expected: int | None = None
    ) -> Message:
        """The answer, which may be an `ack` where that is all there will be. `expected` is the code of an error that is as good an
        answer as any. Raises ProtocolError where none comes in time."""
        what, deadline = name_of(message), LAST_DEADLINE if self._hurried else ANSWER_DEADLINE
        with self._access.timed(what) as call:
            try:
                answer = await self._answer(message, acknowledged, deadline)
            except TimeoutError as error:
                raise ProtocolError(
                    f"no answer to {what} within {deadline:g} s", who=self.where, phase=phase, hint="Janus hangs"
                ) from error
            except Lost as error:
                _break_off(call, error)
                raise ProtocolError(
                    str(error), who=self.where, phase=phase, hint="Janus is gone, or the way to it"
                ) from error
            _judge(call, answer, expected)
        return answer

    async def _answer(self, message: Json, acknowledged: bool, deadline: float) -> Message:
        """Raises TimeoutError and Lost."""
        transaction, waiting = self._next(), asyncio.get_running_loop().create_future()
        self._waiting[transaction] = waiting, acknowledged
        try:
            async with asyncio.timeout(deadline):
                await self._send(message, transaction)
                answer: Message = await waiting
        finally:
            self._waiting.pop(transaction, None)
        return answer

    async def post(self, message: Json, subject: str, *, expected: int | None = None) -> None:
        """Its answer, or an error 0 where none comes in time, arrives by `incoming`. `expected` as in `ask`. Raises
        SignallingError."""
        transaction, what = self._next(), name_of(message)
        patience = asyncio.get_running_loop().call_later(ANSWER_DEADLINE, self._unanswered, transaction, what)
        posted = _Posted(subject, patience, self._access.begun(what), expected)
        self._posted[transaction] = posted
        try:
            await self._send(message, transaction)
        except BaseException as error:
            if self._done(transaction) is not None:
                posted.call.failed(error)
            raise

    async def tell(self, message: Json) -> None:
        """What is acknowledged at most. Raises SignallingError."""
        await self._send(message, self._next())

    async def incoming(self) -> Message:
        """What comes next: answers to posts, and what Janus says by itself. Raises Lost, from then on always."""
        if self._lost is not None and self._incoming.empty():
            raise self._lost
        found = await self._incoming.get()
        if isinstance(found, Lost):
            raise found
        return found

    def call_off(self) -> None:
        """Nobody wants to know any more how long the answers to posts take: whoever leaves ends what they are about. What is asked from
        now on is waited for `LAST_DEADLINE`."""
        self._hurried = True
        for posted in self._posted.values():
            posted.call.call_off()

    async def close(self) -> None:
        """End the session, within a second or two. Idempotent."""
        self.call_off()
        try:
            if self._id is not None and self._lost is None:
                await self.request(destroy(), "leave")
        except ProbeError:
            pass  # Janus is gone: so are we
        self._lost = self._lost or Lost("closed")
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=CLOSE_DEADLINE)
        for transaction in list(self._posted):
            self._done(transaction)
        await self._transport.close()

    def _next(self) -> str:
        return f"t{next(self._numbers)}"

    async def _send(self, message: Json, transaction: str) -> None:
        if self._lost is not None:
            raise SignallingError(str(self._lost), who=self.where, phase="signalling")
        session = {"session_id": self._id} if self._id is not None else {}
        token = {"token": self._access.token} if self._access.token else {}
        await self._transport.send({**message, **session, **token, "transaction": transaction})

    async def _read(self) -> None:
        try:
            while True:
                self._dispatch(decode(await self._transport.receive()))
        except Lost as error:
            self._lose(error)
        except MessageError as error:
            self._lose(Nonsense(f"Janus sent what its protocol does not allow: {error}"))

    def _dispatch(self, message: Message) -> None:
        waiting, acknowledged = self._waiting.get(message.transaction, (None, False))
        if waiting is not None:
            if (message.final or acknowledged) and not waiting.done():
                waiting.set_result(message)
        elif message.kind == "timeout":
            self._lose(Lost("Janus ended the session: it heard nothing from us for too long"))
        elif message.final:
            posted = self._done(message.transaction)
            if posted is not None:
                _judge(posted.call, message, posted.expected)
                posted.call.end()
            self._incoming.put_nowait(replace(message, subject=posted.subject if posted is not None else ""))
        elif message.kind not in ("ack", "keepalive"):
            self._incoming.put_nowait(message)

    def _done(self, transaction: str) -> _Posted | None:
        posted = self._posted.pop(transaction, None)
        if posted is not None:
            posted.patience.cancel()
        return posted

    def _unanswered(self, transaction: str, what: str) -> None:
        posted = self._posted.pop(transaction)
        posted.call.late()
        posted.call.end()
        error = (0, f"no answer to {what} within {ANSWER_DEADLINE:g} s")
        self._incoming.put_nowait(Message("error", transaction, error=error, subject=posted.subject))

    def _lose(self, lost: Lost) -> None:
        if self._lost is not None:
            return
        self._lost = lost
        for waiting, _ in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(lost)
        for posted in self._posted.values():
            _break_off(posted.call, lost)
            posted.call.end()
        self._incoming.put_nowait(lost)

    async def _keep_alive(self) -> None:
        while True:
            await asyncio.sleep(KEEPALIVE)
            try:
                await self.request(keepalive(), "signalling", acknowledged=True)
            except ProbeError as error:
                self._lose(Lost(error.message))
                return


def _judge(call: Timing, answer: Message, expected: int | None) -> None:
    if answer.error is not None and answer.error[0] != expected:
        call.refused()


def _break_off(call: Timing, why: Lost) -> None:
    call.refused() if isinstance(why, Nonsense) else call.lost()
