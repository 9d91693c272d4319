"""One measured point: what the engine processes read in their common window, added up and judged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

LOOP_LAG = 0.020
"""Seconds. Tighter than a run's own limit (`probe.measure.health`): what is only just believed leaves no room for a bad minute."""
PACING_ERROR = 0.005
DECODE_DELAY = 0.100
_UNREAD = 0.05
"""Seconds of traffic that may be on its way, or still lie in the kernel, when the window closes."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What one engine process read. Counts and CPU are of the window, `seconds` long; `join_cpu_seconds` is the whole
    process's for all its joins, less what the calls already up cost meanwhile; `rss_bytes` what its participants added;
    `first_joined` and `last_joined` monotonic, NaN without joins; `join_seconds` the longest of 95 % of joins."""

    joined: int
    join_failures: int
    join_cpu_seconds: float
    join_seconds_p95: float | None
    first_joined: float | None
    last_joined: float | None
    seconds: float
    cpu_seconds: float
    waited_seconds: float | None
    packets_sent: int
    packets_received: int
    packets_lost: int
    streams: int
    streams_measured: int
    socket_drops: int
    loop_lag_p99_seconds: float
    pacing_error_p99_seconds: float
    decode_overload: int
    decode_delay_p99_seconds: float
    rss_bytes: int
    native: bool
    packets_authenticated: int
    elsewhere: int = 0
    errors: tuple[str, ...] = ()
    bugs: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready; `from_dict` reads it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Reading:
        """What `to_dict` wrote."""
        return cls(**data | {"errors": tuple(data["errors"]), "bugs": tuple(data["bugs"])})


class Trouble(NamedTuple):
    """A limit that was passed: which, and in words by how much."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Point:
    """`participants` in `processes` engine processes. Used meanwhile: `server_cpu_cores` by the test server, `other_cpu_cores` by
    all else on the machine; None where the system does not tell. `failure`: why there is nothing but that number."""

    participants: int
    processes: int
    streams_expected: int = 0
    fan_out: int = 1
    readings: tuple[Reading, ...] = ()
    server_cpu_cores: float | None = None
    other_cpu_cores: float | None = None
    failure: str = ""
    failure_kind: str = ""

    @property
    def troubles(self) -> tuple[Trouble, ...]:
        """The limits that were passed."""
        return tuple(_troubles(self))

    @property
    def trustworthy(self) -> bool:
        """Everything was read, and within the limits."""
        return not self.troubles

    @property
    def measured(self) -> bool:
        """Is there anything to be told?"""
        return self.joined > 0 and self.packets_received > 0

    def _sum(self, name: str) -> Any:
        return sum(getattr(reading, name) for reading in self.readings)

    def _worst(self, name: str) -> float | None:
        found = [value for reading in self.readings if (value := getattr(reading, name)) is not None]
        return max(found, default=None)

    @property
    def joined(self) -> int:
        return int(self._sum("joined"))

    @property
    def join_failures(self) -> int:
        return int(self._sum("join_failures"))

    @property
    def seconds(self) -> float:
        """Length of the window."""
        return self._sum("seconds") / len(self.readings) if self.readings else 0.0

    @property
    def packets_sent(self) -> int:
        return int(self._sum("packets_sent"))

    @property
    def packets_received(self) -> int:
        return int(self._sum("packets_received"))

    @property
    def packets_lost(self) -> int:
        return int(self._sum("packets_lost"))

    @property
    def socket_drops(self) -> int:
        return int(self._sum("socket_drops"))

    @property
    def decode_overload(self) -> int:
        return int(self._sum("decode_overload"))

    @property
    def cpu_cores(self) -> float:
        """All engine processes together; 1.0 is one core."""
        return float(self._sum("cpu_seconds")) / self.seconds if self.seconds > 0 else 0.0

    @property
    def busiest(self) -> float:
        """The busiest process's share of a core."""
        return max((r.cpu_seconds / r.seconds for r in self.readings if r.seconds > 0), default=0.0)

    @property
    def cpu_wait_ratio(self) -> float | None:
        """Share of the window in which an event loop could have run and had no processor, of the process that was worst off."""
        found = [r.waited_seconds / r.seconds for r in self.readings if r.waited_seconds is not None and r.seconds > 0]
        return max(found, default=None)

    @property
    def cpu_core_per_participant(self) -> float | None:
        return self.cpu_cores / self.joined if self.joined else None

    @property
    def cpu_us_per_packet(self) -> float | None:
        """Microseconds of CPU, sending included, over packets received."""
        return 1e6 * float(self._sum("cpu_seconds")) / self.packets_received if self.packets_received else None

    @property
    def join_cpu_seconds(self) -> float | None:
        """Of one join."""
        return float(self._sum("join_cpu_seconds")) / self.joined if self.joined else None

    @property
    def join_seconds_p95(self) -> float | None:
        return self._worst("join_seconds_p95")

    @property
    def joins_per_second(self) -> float | None:
        """Between the first that was in and the last."""
        first = min((r.first_joined for r in self.readings if r.first_joined is not None), default=None)
        last = self._worst("last_joined")
        if first is None or last is None or last <= first:
            return None
        return (self.joined - 1) / (last - first)

    @property
    def rss_bytes_per_participant(self) -> float | None:
        return self._sum("rss_bytes") / self.joined if self.joined else None

    @property
    def loop_lag_p99_seconds(self) -> float | None:
        """Of the process that was worst off: each has to be well."""
        return self._worst("loop_lag_p99_seconds")

    @property
    def pacing_error_p99_seconds(self) -> float | None:
        return self._worst("pacing_error_p99_seconds")

    @property
    def decode_delay_p99_seconds(self) -> float | None:
        return self._worst("decode_delay_p99_seconds")

    @property
    def authenticated_share(self) -> float | None:
        """Of the packets received."""
        received = self.packets_received
        return min(1.0, self._sum("packets_authenticated") / received) if received else None

    @property
    def native(self) -> bool:
        """Did packets take the compiled path, in every process?"""
        return bool(self.readings) and all(reading.native for reading in self.readings)

    @property
    def bugs(self) -> tuple[str, ...]:
        return tuple(bug for reading in self.readings for bug in reading.bugs)

    @property
    def errors(self) -> tuple[str, ...]:
        return tuple(error for reading in self.readings for error in reading.errors)


def _troubles(point: Point) -> list[Trouble]:
    if point.failure:
        return [Trouble(point.failure_kind or "measurement", point.failure)]
    if not point.measured:
        return [Trouble("joins", "nobody joined, or no packet came"), *_join_troubles(point)]
    return [*_join_troubles(point), *_health_troubles(point), *_packet_troubles(point)]


def _join_troubles(point: Point) -> list[Trouble]:
    found = []
    if missing := point.participants - point.joined:
        found.append(Trouble("joins", f"{missing} of {point.participants} joins failed"))
    if elsewhere := sum(reading.elsewhere for reading in point.readings):
        found.append(Trouble("joins", f"{elsewhere} participants are not in the topology that was asked for"))
    return found


def _health_troubles(point: Point) -> list[Trouble]:
    found = []
    limits = (
        ("loop lag", "event-loop lag p99", point.loop_lag_p99_seconds, LOOP_LAG),
        ("pacing", "pacing error p99", point.pacing_error_p99_seconds, PACING_ERROR),
        ("decoding", "decoding p99 after arrival", point.decode_delay_p99_seconds, DECODE_DELAY),
    )
    for kind, words, value, limit in limits:
        if value is not None and value > limit:
            found.append(Trouble(kind, f"{words} {value * 1000:.3g} ms, limit {limit * 1000:.3g} ms"))
    if point.decode_overload:
        found.append(Trouble("decoding", f"{point.decode_overload} pictures not decoded for lack of CPU"))
    if point.socket_drops:
        found.append(
            Trouble("socket buffers", f"{point.socket_drops} datagrams dropped by our own full socket buffers")
        )
    return found


def _packet_troubles(point: Point) -> list[Trouble]:
    """Loopback loses nothing: what is missing, we lost."""
    found = []
    if unmeasured := point.streams_expected - int(point._sum("streams_measured")):
        found.append(Trouble("readings", f"{unmeasured} of {point.streams_expected} streams could not be measured"))
    if point.packets_lost:
        found.append(Trouble("readings", f"{point.packets_lost} packets lost"))
    due = point.packets_sent * point.fan_out
    missing = due - point.packets_received - point.packets_lost
    if point.seconds > 0 and missing > due / point.seconds * _UNREAD:
        found.append(Trouble("readings", f"{missing} packets sent were neither received nor known as lost"))
    return found


def limit_of(points: Sequence[Point]) -> Point | None:
    """The point that showed the limit: of those beyond all that held the smallest, and of several tries of that one the last.
    None where none is."""
    held = max((point.participants for point in points if point.trustworthy), default=0)
    beyond = [point for point in points if point.participants > held]
    return min(reversed(beyond), key=lambda point: point.participants, default=None)
