"""Whether the generator itself was well enough for its readings to be believed."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from probe.measure.histogram import Histogram

_MAX_MISSED_BEATS = 1000
_MOST_HELD = 4096


@dataclass(frozen=True, slots=True)
class HealthLimits:
    """Beyond these the readings may show the generator instead of the platform: a loop late by 50 ms reads as latency of the
    platform, a packet sent 20 ms late (one audio packet's time) as its jitter, a datagram dropped by our own socket as
    loss, a picture decoded 100 ms late as delay. CPU is told but not judged by default: high use harms only through the others."""

    loop_lag_p99_seconds: float = 0.050
    pacing_error_p99_seconds: float = 0.020
    socket_drops: int = 0
    decode_overload: int = 0
    decode_delay_p99_seconds: float = 0.100
    cpu_ratio: float | None = None


@dataclass(frozen=True, slots=True)
class Health:
    """The verdict. `cpu_ratio`: mean of what was told, 1.0 is one core. `reasons` say which limits were passed."""

    trustworthy: bool
    reasons: tuple[str, ...]
    loop_lag_p99_seconds: float
    pacing_error_p99_seconds: float
    socket_drops: int
    cpu_ratio: float
    decode_overload: int
    decode_delay_p99_seconds: float

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self) | {"reasons": list(self.reasons)}


class _Times:
    """A histogram of what comes one by one and often: counted together, when somebody looks, which costs a tenth."""

    def __init__(self, histogram: Histogram | None = None) -> None:
        self._histogram = histogram if histogram is not None else Histogram()
        self._held = array("d")

    def add(self, seconds: float) -> None:
        """Not negative, as all that comes."""
        self._held.append(seconds)
        if len(self._held) >= _MOST_HELD:
            self.counted()

    def counted(self) -> Histogram:
        """All so far."""
        held, self._held = self._held, array("d")
        if held:
            self._histogram.add_many(held)
        return self._histogram


class GeneratorHealth:
    """Collects the generator's own troubles. Histograms, so it stays small and processes merge."""

    def __init__(self, limits: HealthLimits | None = None) -> None:
        self.limits = limits or HealthLimits()
        self.forget()

    def forget(self) -> None:
        """Begin a window: of what was told so far nothing counts any more. The limits stay."""
        self._lag = _Times()
        self._pacing = Histogram()
        self._cpu = Histogram()
        self._drops = 0
        self._overload = 0
        self._decode_delay = Histogram()
        self._shortages: Counter[str] = Counter()

    def loop_lag(self, seconds: float, interval: float | None = None) -> None:
        """The event loop ran a timer `seconds` late. With the timer's `interval` a stall counts for all the beats that it
        swallowed, as late as each would have been: one late beat in place of many would hide it from the percentile."""
        self._lag.add(_not_negative(seconds))
        if interval is None or interval <= 0:
            return
        for missed in range(1, min(int(seconds / interval), _MAX_MISSED_BEATS) + 1):
            self._lag.add(max(0.0, seconds - missed * interval))

    def loop_lags(self, seconds: NDArray[np.float64], interval: float | None = None) -> None:
        """`loop_lag` for each of these. Raises ValueError as that does; then none of them was counted."""
        _none_negative(seconds)
        stalls = seconds >= interval if interval is not None and interval > 0 else np.zeros(len(seconds), bool)
        self._lag.counted().add_many(seconds[~stalls])
        for lag in seconds[stalls].tolist():
            self.loop_lag(lag, interval)

    def pacing_error(self, seconds: float) -> None:
        """A packet was sent that much after its due time."""
        self._pacing.add(_not_negative(seconds))

    def pacing_errors(self, seconds: NDArray[np.float64]) -> None:
        """`pacing_error` for each of these. Raises ValueError as that does; then none of them was counted."""
        _none_negative(seconds)
        self._pacing.add_many(seconds)

    def socket_drops(self, total: int) -> None:
        """All datagrams that our own full socket buffers dropped so far. A lower total than before changes nothing."""
        self._drops = max(self._drops, int(_not_negative(total)))

    def cpu(self, ratio: float) -> None:
        """CPU time over time, of one interval: 1.0 is one core."""
        self._cpu.add(_not_negative(ratio))

    def decode_overload(self, count: int = 1) -> None:
        """So many more pictures could not be decoded, because the decoders were busy."""
        self._overload += int(_not_negative(count))

    def decode_delay(self, seconds: float) -> None:
        """A whole frame waited that long for its picture: it stands in the one-way delay, and is ours."""
        self._decode_delay.add(_not_negative(seconds))

    def shortage(self, what: str) -> None:
        """Something failed because this machine had no more files, ports or memory ("Too many open files")."""
        self._shortages[what] += 1

    def merge(self, other: GeneratorHealth) -> None:
        """Take in another process's health: times and CPU are pooled, drops, overload and shortages add up."""
        self._shortages += other._shortages
        self._lag.counted().merge(other._lag.counted())
        self._pacing.merge(other._pacing)
        self._cpu.merge(other._cpu)
        self._drops += other._drops
        self._overload += other._overload
        self._decode_delay.merge(other._decode_delay)

    def to_dict(self) -> dict[str, Any]:
        """For a pipe: complete, `from_dict` restores it exactly."""
        return {
            "limits": asdict(self.limits),
            "loop_lag": self._lag.counted().to_dict(),
            "pacing": self._pacing.to_dict(),
            "cpu": self._cpu.to_dict(),
            "decode_delay": self._decode_delay.to_dict(),
            "socket_drops": self._drops,
            "decode_overload": self._overload,
            "shortages": dict(self._shortages),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> GeneratorHealth:
        """What `to_dict` wrote. Raises ValueError for damaged data."""
        try:
            found = cls(HealthLimits(**data["limits"]))
            found._lag = _Times(Histogram.from_dict(data["loop_lag"]))
            found._pacing = Histogram.from_dict(data["pacing"])
            found._cpu = Histogram.from_dict(data["cpu"])
            found._decode_delay = Histogram.from_dict(data["decode_delay"])
            found._drops, found._overload = int(data["socket_drops"]), int(data["decode_overload"])
            found._shortages = Counter({str(what): int(count) for what, count in data["shortages"].items()})
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ValueError(f"not a stored health: {error!r}") from error
        return found

    def verdict(self) -> Health:
        """The health so far; what never happened counts as 0."""
        lag = self._lag.counted().quantile(0.99) or 0.0
        pacing = self._pacing.quantile(0.99) or 0.0
        cpu = self._cpu.mean or 0.0
        decode = self._decode_delay.quantile(0.99) or 0.0
        reasons = tuple(self._reasons(lag, pacing, cpu, decode))
        return Health(not reasons, reasons, lag, pacing, self._drops, cpu, self._overload, decode)

    def _reasons(self, lag: float, pacing: float, cpu: float, decode: float) -> list[str]:
        limits = self.limits
        found = [f"{what}, {count} times: give this machine more of it" for what, count in self._shortages.items()]
        if lag > limits.loop_lag_p99_seconds:
            found.append(f"event-loop lag p99 {_ms(lag)}, limit {_ms(limits.loop_lag_p99_seconds)}")
        if pacing > limits.pacing_error_p99_seconds:
            found.append(f"pacing error p99 {_ms(pacing)}, limit {_ms(limits.pacing_error_p99_seconds)}")
        if self._drops > limits.socket_drops:
            found.append(f"{self._drops} datagrams dropped by our own full socket buffers, limit {limits.socket_drops}")
        if self._overload > limits.decode_overload:
            found.append(f"{self._overload} pictures not decoded for lack of CPU, limit {limits.decode_overload}")
        if decode > limits.decode_delay_p99_seconds:
            found.append(f"decoding p99 {_ms(decode)} after arrival, limit {_ms(limits.decode_delay_p99_seconds)}")
        if limits.cpu_ratio is not None and cpu > limits.cpu_ratio:
            found.append(f"CPU use {cpu:.0%} of a core, limit {limits.cpu_ratio:.0%}")
        return found


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"


def _not_negative(value: float) -> float:
    """Raises ValueError for what no clock or counter can have said."""
    if not 0 <= value < float("inf"):
        raise ValueError(f"{value} is no duration, count or ratio")
    return value


def _none_negative(values: NDArray[np.float64]) -> None:
    wrong = values[~((values >= 0) & (values < np.inf))]
    if len(wrong):
        _not_negative(wrong.item(0))
