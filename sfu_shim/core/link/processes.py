"""The random and the queueing parts of a link, each with a generator of its own, so that switching one on leaves the
fates that another deals out as they were."""

from __future__ import annotations

from collections import deque
from random import Random

from sfu_shim.core.link.impairment import Jitter, Loss, RandomLoss

IP_UDP_HEADERS = 28
"""IPv4 (20) and UDP (8) header bytes: a link's rate is that of IP packets."""
_PARETO_SHAPE = 3.0
_PARETO_LIMIT = 50.0
"""Scales beyond which the tail is cut (7.5 packets of a million), so that a delay stays bounded."""


class LossProcess:
    """Decides packet by packet. The state of a Gilbert–Elliott model begins good and outlives changes of its figures."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._bad = False

    def loses(self, model: Loss | None) -> bool:
        """Is the next packet lost?"""
        if model is None:
            return False
        if isinstance(model, RandomLoss):
            return self._rng.random() < model.ratio
        lost = self._rng.random() < (model.loss_bad if self._bad else model.loss_good)
        if self._rng.random() < (model.r if self._bad else model.p):
            self._bad = not self._bad
        return lost


class DelayProcess:
    """Draws each packet's delay."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng

    def draw(self, delay: float, jitter: Jitter | None) -> float:
        """Seconds, never negative."""
        if jitter is None:
            return delay
        if jitter.distribution == "uniform":
            return max(0.0, delay + jitter.scale * (2.0 * self._rng.random() - 1.0))
        if jitter.distribution == "normal":
            return max(0.0, delay + self._rng.normalvariate(0.0, jitter.scale))
        # Inverse of the Pareto II (Lomax) distribution function, from a number in (0, 1].
        excess = float((1.0 - self._rng.random()) ** (-1.0 / _PARETO_SHAPE)) - 1.0
        return delay + jitter.scale * min(_PARETO_LIMIT, excess)


class Bottleneck:
    """A drop-tail queue served at a constant rate: first in, first out, each packet taking its serialisation time."""

    def __init__(self) -> None:
        self._queued: deque[tuple[float, int]] = deque()
        self._bytes = 0
        self._free_at = 0.0

    def pass_through(self, size: int, now: float, rate_bps: float | None, limit: int) -> float | None:
        """When a UDP payload of `size` bytes that came at `now` has left; None: the queue was full."""
        self._serve(now)
        if rate_bps is None:
            return now
        size += IP_UDP_HEADERS
        if self._bytes + size > limit:
            return None
        self._free_at = max(now, self._free_at) + 8.0 * size / rate_bps
        self._queued.append((self._free_at, size))
        self._bytes += size
        return self._free_at

    def _serve(self, now: float) -> None:
        while self._queued and self._queued[0][0] <= now:
            self._bytes -= self._queued.popleft()[1]
