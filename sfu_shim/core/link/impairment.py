"""What a link may do to packets, in one direction. Frozen, checked when made, all in seconds, ratios, bits/s and bytes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

from probe.model.errors import ConfigError
from probe.model.validation import nearest

Distribution = Literal["uniform", "normal", "pareto"]
DISTRIBUTIONS: tuple[str, ...] = get_args(Distribution)

RATIO = (0.0, 1.0, "a ratio")
DELAY = (0.0, 10.0, "seconds")
INSTANT = (0.0, 86_400.0, "seconds")
RATE = (1_000.0, 1e10, "bits per second")
QUEUE = (1_500.0, 64.0 * 1024 * 1024, "bytes")

QUEUE_SECONDS = 0.3
"""Depth of a queue that is not given: the drop-tail bottleneck of RFC 8867 section 4 holds 300 ms."""
_NORMAL_REACH = 3.0


def within(where: str, value: float, bounds: tuple[float, float, str]) -> float:
    """`value`, if it lies within `bounds`. Raises ConfigError naming `where` and what is allowed."""
    low, high, unit = bounds
    if not math.isfinite(value) or not low <= value <= high:
        raise ConfigError(f"{where}: {value:g} is not within {low:g} … {high:g} ({unit})")
    return value


@dataclass(frozen=True, slots=True)
class Jitter:
    """Variation of the delay, drawn anew for each packet.

    `uniform`: ± `scale` around the delay. `normal`: standard deviation `scale`, mean the delay. `pareto`: added to the
    delay, Pareto II with shape 3 and scale `scale`: median 0.26, mean 0.5, 99th percentile 3.6 scales. With
    `keep_order` a packet waits for its predecessor, as in a queue; without, it may overtake.
    """

    distribution: Distribution
    scale: float
    keep_order: bool = True

    def __post_init__(self) -> None:
        if self.distribution not in DISTRIBUTIONS:
            raise ConfigError(
                f"jitter.distribution: unknown {self.distribution!r}{nearest(self.distribution, DISTRIBUTIONS)}"
            )
        within("jitter.scale", self.scale, DELAY)

    @property
    def reach_back(self) -> float:
        """Seconds that the delay must have for no packet to come out before it went in."""
        return {"uniform": self.scale, "normal": _NORMAL_REACH * self.scale, "pareto": 0.0}[self.distribution]


@dataclass(frozen=True, slots=True)
class RandomLoss:
    """Each packet is lost with probability `ratio`, whatever became of the others."""

    ratio: float

    def __post_init__(self) -> None:
        within("loss.ratio", self.ratio, RATIO)

    @property
    def mean_ratio(self) -> float:
        return self.ratio


@dataclass(frozen=True, slots=True)
class GilbertElliott:
    """Two states, good and bad, with a loss probability each (Gilbert 1960, Elliott 1963).

    After each packet the state changes from good to bad with probability `p`, from bad to good with `r`. With the
    default loss probabilities a burst lasts 1/r packets on average.
    """

    p: float
    r: float
    loss_good: float = 0.0
    loss_bad: float = 1.0

    def __post_init__(self) -> None:
        for name in ("p", "r", "loss_good", "loss_bad"):
            within(f"loss.{name}", getattr(self, name), RATIO)
        if self.p + self.r == 0:
            raise ConfigError("loss: p and r are both 0, so the state would never change")

    @property
    def mean_ratio(self) -> float:
        """Share of packets lost in the long run: the bad state holds p / (p + r) of them."""
        bad = self.p / (self.p + self.r)
        return bad * self.loss_bad + (1.0 - bad) * self.loss_good


Loss = RandomLoss | GilbertElliott


@dataclass(frozen=True, slots=True)
class Reorder:
    """A copy is held back `extra_delay` seconds with probability `ratio`; what follows within that time overtakes it."""

    ratio: float
    extra_delay: float

    def __post_init__(self) -> None:
        within("reorder.ratio", self.ratio, RATIO)
        within("reorder.extra_delay", self.extra_delay, DELAY)


@dataclass(frozen=True, slots=True)
class Impairment:
    """One direction of a link. The default does nothing.

    `delay` in seconds; `duplicate` is the share of packets that arrive twice; `rate_bps` limits the rate of IP packets
    (28 bytes more than the UDP payload), `queue_bytes` is the drop-tail queue in front of it, 300 ms of the rate when
    not given. Raises ConfigError for values out of range or that contradict each other.
    """

    delay: float = 0.0
    jitter: Jitter | None = None
    loss: Loss | None = None
    duplicate: float = 0.0
    reorder: Reorder | None = None
    rate_bps: float | None = None
    queue_bytes: int | None = None

    def __post_init__(self) -> None:
        within("delay", self.delay, DELAY)
        within("duplicate", self.duplicate, RATIO)
        if self.rate_bps is not None:
            within("rate_bps", self.rate_bps, RATE)
        if self.queue_bytes is not None:
            within("queue_bytes", self.queue_bytes, QUEUE)
            if self.rate_bps is None:
                raise ConfigError("queue_bytes: a queue needs a rate_bps that fills it")
        if self.jitter and self.delay < self.jitter.reach_back:
            raise ConfigError(
                f"jitter.scale: {self.jitter.scale:g} s of {self.jitter.distribution} jitter need a delay of at least "
                f"{self.jitter.reach_back:g} s, since no packet comes out before it went in; the delay is {self.delay:g} s"
            )

    @property
    def queue_limit(self) -> int:
        """Bytes that the queue holds, the packet being sent included. Without a rate it is never used."""
        if self.queue_bytes is not None:
            return self.queue_bytes
        return max(int(QUEUE[0]), int(QUEUE_SECONDS * (self.rate_bps or 0.0) / 8))

    @property
    def keeps_order(self) -> bool:
        """Does a packet wait for its predecessor? A link is a queue unless its jitter says otherwise."""
        return self.jitter is None or self.jitter.keep_order
