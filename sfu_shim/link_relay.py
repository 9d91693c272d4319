"""Puts emulated links in front of a UDP socket: a relay whose address is told to the other side as a candidate.

    A ──> relay ═ forward links ═> target          (what A sends goes through A's up, and between peers B's down)
    A <── relay <═ backward links ═ target

Every datagram is offered to the link at its kernel arrival time and released by a kernel timer, so neither a busy event
loop nor asyncio's timers, which are rounded up to whole milliseconds, add to the delay more than the truth then tells.
"""

from __future__ import annotations

import asyncio
import ctypes
import ipaddress
import os
import struct
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

from probe.rtc.clock import Clock
from probe.rtc.endpoint import DatagramEndpoint
from sfu_shim.core.link.link import Copy, Link
from sfu_shim.core.link.release import ReleaseQueue

Address = tuple[str, int]
Send = Callable[[bytes], bool]
"""Sends a datagram on. False: it could not."""

MAX_SENDERS = 32
"""Senders that one relay tells apart; ICE tries a handful. The one that was silent longest is forgotten."""
_RELEASES_PER_WAKE = 512

_CLOCK_MONOTONIC = 1
_TFD_NONBLOCK_CLOEXEC = 0o2004000
_TFD_TIMER_ABSTIME = 1
_ITIMERSPEC = struct.Struct("@4l")


class WakeTimer:
    """Calls back at a time of the monotonic clock, once. On Linux by a timerfd, which wakes within some 50 µs; asyncio's own
    timers, used elsewhere, wake up to a millisecond late."""

    def __init__(self, wake: Callable[[], None], *, precise: bool = sys.platform == "linux") -> None:
        self._wake = wake
        self._loop = asyncio.get_running_loop()
        self._handle: asyncio.TimerHandle | None = None
        self._descriptor = -1
        self.at: float | None = None
        if precise:
            self._libc = ctypes.CDLL(None, use_errno=True)
            self._descriptor = self._libc.timerfd_create(_CLOCK_MONOTONIC, _TFD_NONBLOCK_CLOEXEC)
            if self._descriptor < 0:
                raise OSError(ctypes.get_errno(), "timerfd_create")
            self._loop.add_reader(self._descriptor, self._expired)

    def set(self, when: float) -> None:
        """Wake at `when` (monotonic seconds) instead of when it was set to before. A past time: as soon as possible."""
        self.at = when
        if self._descriptor < 0:
            if self._handle is not None:
                self._handle.cancel()
            self._handle = self._loop.call_at(when, self._fire)
            return
        nanoseconds = max(1, int(when * 1e9))  # 0 would switch the timer off
        spec = _ITIMERSPEC.pack(0, 0, *divmod(nanoseconds, 1_000_000_000))
        if self._libc.timerfd_settime(self._descriptor, _TFD_TIMER_ABSTIME, spec, None) < 0:
            raise OSError(ctypes.get_errno(), "timerfd_settime")

    def _expired(self) -> None:
        try:
            os.read(self._descriptor, 8)
        except BlockingIOError:
            return  # set anew between the wake-up and now
        self._fire()

    def _fire(self) -> None:
        self.at = None
        self._wake()

    def close(self) -> None:
        """Never wakes again. Idempotent."""
        if self._handle is not None:
            self._handle.cancel()
        if self._descriptor >= 0:
            self._loop.remove_reader(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = -1


class _Route(NamedTuple):
    """Where a copy is: in `links[hop]`, and after the last link it goes to `send`."""

    links: tuple[Link, ...]
    hop: int
    send: Send


class Releaser:
    """Sends datagrams through links, each copy on time: one heap and one timer for as many relays as share it."""

    def __init__(self, clock: Clock, *, precise: bool = sys.platform == "linux") -> None:
        self._clock = clock
        self._queue: ReleaseQueue[_Route] = ReleaseQueue()
        self._timer = WakeTimer(self._run, precise=precise)
        self._closed = False

    def enter(self, links: tuple[Link, ...], data: bytes, arrival: float, send: Send) -> None:
        """A datagram that arrived at `arrival` goes through all `links`, one after the other, to `send`."""
        if self._closed:
            return
        self._offer(_Route(links, 0, send), data, arrival)
        self._run()

    def _offer(self, route: _Route, data: bytes, arrival: float) -> None:
        for copy in route.links[route.hop].offer(data, arrival):
            self._queue.push(copy, route)

    def _run(self) -> None:
        for _ in range(_RELEASES_PER_WAKE):
            found = self._queue.pop_due(self._clock.now())
            if found is None:
                break
            self._release(*found)
        following = self._queue.next_release()
        if following is not None and (self._timer.at is None or following < self._timer.at):
            self._timer.set(following)

    def _release(self, copy: Copy, route: _Route) -> None:
        """Between links a copy passes on at its planned time: lateness is counted once, where it becomes real."""
        link = route.links[route.hop]
        if route.hop + 1 < len(route.links):
            link.note_released(copy, copy.release)
            self._offer(route._replace(hop=route.hop + 1), copy.data, copy.release)
            return
        actual = self._clock.now()
        if route.send(copy.data):
            link.note_released(copy, actual)
        else:
            link.note_unsent(copy)

    def close(self) -> None:
        """What is still on its way counts as unsent. Idempotent."""
        self._closed = True
        self._timer.close()
        for copy, route in self._queue.drain():
            route.links[route.hop].note_unsent(copy)


class _Sender(NamedTuple):
    """One sender, seen by the target under an address of its own, as behind a NAT: so that answers find their way back to
    whichever of its candidates asked."""

    endpoint: DatagramEndpoint
    to_target: Send
    to_sender: Send


class LinkRelay:
    """Stands in for `target`: hand out `address` in its place.

    What anyone sends to `address` goes through the `forward` links to the target, and what the target answers comes back
    through the `backward` links. Links may be shared by several relays: a participant's rate and losses are its own,
    whichever path its packets take.
    """

    def __init__(
        self,
        target: Address,
        forward: tuple[Link, ...],
        backward: tuple[Link, ...],
        clock: Clock,
        address: str,
        releaser: Releaser | None,
    ) -> None:
        """As `create`, which checks the arguments."""
        self._target = target
        self._forward = forward
        self._backward = backward
        self._clock = clock
        self._host = address
        self._senders: dict[Address, _Sender] = {}
        self._dropped_before = 0
        self.strays = 0
        self._front = DatagramEndpoint.bind(address, clock, self._arrived, _ignore)
        self.address: Address = self._front.get_extra_info("sockname")[:2]
        self._releaser = releaser or Releaser(clock)
        self._owns_releaser = releaser is None

    @classmethod
    async def create(
        cls,
        target: Address,
        forward: Link | Sequence[Link],
        backward: Link | Sequence[Link],
        clock: Clock,
        address: str = "127.0.0.1",
        *,
        releaser: Releaser | None = None,
    ) -> LinkRelay:
        """A relay on a free port of `address`, in front of `target`. `releaser`: shared with others, and then closed by who
        made it. Raises ValueError for a target that is no IP address of the same family, OSError when nothing can be
        bound."""
        host, own = ipaddress.ip_address(target[0]), ipaddress.ip_address(address)
        if host.version != own.version:
            raise ValueError(f"target {host} can't be reached from {own}: IPv{host.version} and IPv{own.version}")
        ways = [(way,) if isinstance(way, Link) else tuple(way) for way in (forward, backward)]
        if not all(ways):
            raise ValueError("each direction needs at least one link")
        return cls((str(host), target[1]), ways[0], ways[1], clock, address, releaser)

    @property
    def socket_drops(self) -> int:
        """Datagrams that a full receive buffer lost before any link saw them: unless 0, the truth is incomplete."""
        return self._dropped_before + sum(one.socket_drops for one in self._endpoints())

    def _endpoints(self) -> list[DatagramEndpoint]:
        return [self._front, *(sender.endpoint for sender in self._senders.values())]

    def _arrived(self, data: bytes, source: Any, arrival: float) -> None:
        """At the relay's own address: from anyone, for the target; or unasked from the target, for the latest sender."""
        address: Address = source[:2]
        if address != self._target:
            self._releaser.enter(self._forward, data, arrival, self._sender(address).to_target)
        elif self._senders:
            self._releaser.enter(self._backward, data, arrival, next(reversed(self._senders.values())).to_sender)
        else:
            self.strays += 1

    def _answered(self, to_sender: Send, data: bytes, source: Any, arrival: float) -> None:
        if source[:2] == self._target:
            self._releaser.enter(self._backward, data, arrival, to_sender)
        else:
            self.strays += 1

    def _sender(self, address: Address) -> _Sender:
        """The known or new sender, which is the latest from now on."""
        sender = self._senders.pop(address, None) or self._new_sender(address)
        self._senders[address] = sender
        return sender

    def _new_sender(self, address: Address) -> _Sender:
        if len(self._senders) >= MAX_SENDERS:
            silent = self._senders.pop(next(iter(self._senders)))
            self._dropped_before += silent.endpoint.socket_drops
            silent.endpoint.close()
        to_sender = partial(_send, self._front, address)
        endpoint = DatagramEndpoint.bind(self._host, self._clock, partial(self._answered, to_sender), _ignore)
        return _Sender(endpoint, partial(_send, endpoint, self._target), to_sender)

    def close(self) -> None:
        """Nothing goes through any more; what is on its way counts as unsent. Idempotent."""
        for endpoint in self._endpoints():
            endpoint.close()
        if self._owns_releaser:
            self._releaser.close()


def _send(endpoint: DatagramEndpoint, address: Address, data: bytes) -> bool:
    refused = endpoint.send_drops + endpoint.unreachable
    endpoint.sendto(data, address)
    return not endpoint.is_closing() and endpoint.send_drops + endpoint.unreachable == refused


def _ignore(_: Exception | None) -> None:
    """A relay's endpoints close only when it does."""
