"""What P2P saves: traffic and cost at the server against a pure SFU that carries the same meetings.

Traffic. A pure SFU takes each stream once from its sender and gives it to each of the r = n - 1 receivers:

    pure    = sum over streams of  b (1 + r)           b: bytes of the stream, sent once
    crossed = sum over streams of  b (1 + r)           on the SFU
                                   b r (1 + 1)         P2P through TURN: each receiver's copy goes in and out
                                   0                   P2P direct
    bandwidth saving = 1 - crossed / pure

A stream that is sent on a second path while a meeting migrates crosses the server, but a pure SFU would not have
carried it. The saving can be negative: relayed meshes cost more than an SFU.

Cost. Egress and ingress by volume, plus servers by the participant time they carry:

    cost = egress GB * egress price + ingress GB * ingress price
           + participant-hours on the SFU / participants per SFU * SFU price

Relays are priced by volume only: a relay's CPU is small beside an SFU's. GB are 10^9 bytes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal

from probe.model.errors import ConfigError
from probe.model.samples import Sample

Path = Literal["p2p", "relay", "sfu"]
"""How media went: P2P direct, P2P through a TURN server, or through the SFU."""

_GB = 1e9
_HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Prices:
    """Prices in any one currency. The defaults are assumptions, of the size of a public cloud's: set your own."""

    egress_per_gb: float = 0.09
    ingress_per_gb: float = 0.0
    sfu_per_hour: float = 0.17
    participants_per_sfu: float = 100.0

    def __post_init__(self) -> None:
        for one in fields(self):
            value, lowest = getattr(self, one.name), "above 0" if one.name == "participants_per_sfu" else "0 or more"
            if not 0 <= value < math.inf or (value == 0 and lowest == "above 0"):
                raise ConfigError(f"price {one.name} {value!r} is out of range", hint=f"allowed: {lowest}")


DEFAULT_PRICES = Prices()


@dataclass(slots=True)
class Load:
    """What a server carried: bytes in and out, participant-seconds served."""

    ingress: float = 0.0
    egress: float = 0.0
    seconds: float = 0.0

    @property
    def bytes(self) -> float:
        return self.ingress + self.egress

    def cost(self, prices: Prices) -> float:
        traffic = self.egress / _GB * prices.egress_per_gb + self.ingress / _GB * prices.ingress_per_gb
        return traffic + self.seconds / _HOUR / prices.participants_per_sfu * prices.sfu_per_hour

    def merge(self, other: Load) -> None:
        self.ingress += other.ingress
        self.egress += other.egress
        self.seconds += other.seconds


@dataclass(frozen=True, slots=True)
class Savings:
    """Ratios are None where nothing was carried; costs are in the currency of the prices."""

    p2p_usage_ratio: float | None
    bandwidth_saving_ratio: float | None
    cost_saving_ratio: float | None
    bytes_crossed: float
    bytes_pure_sfu: float
    cost: float
    cost_pure_sfu: float

    def samples(self, time: float) -> list[Sample]:
        """One sample per ratio that is known, at `time` seconds of the run."""
        ratios = (
            ("p2p_usage_ratio", self.p2p_usage_ratio),
            ("bandwidth_saving_ratio", self.bandwidth_saving_ratio),
            ("cost_saving_ratio", self.cost_saving_ratio),
        )
        return [Sample(name, value, time) for name, value in ratios if value is not None]


@dataclass(slots=True)
class SavingsLedger:
    """Adds up streams and time, from any number of meetings."""

    actual: Load = field(default_factory=Load)
    pure: Load = field(default_factory=Load)
    p2p_seconds: float = 0.0

    def add_stream(self, path: Path, sent_bytes: float, receivers: int, *, second_path: bool = False) -> None:
        """One sender's stream: `sent_bytes` of one copy, which `receivers` others got by `path`.

        `second_path`: the same media went another way too (make before break), which already counted it.
        """
        _check(path, sent_bytes, "sent bytes")
        if receivers < 0:
            raise ValueError(f"receivers must be 0 or more, got {receivers}")
        copies = sent_bytes * receivers
        if path == "sfu":
            self.actual.ingress += sent_bytes
            self.actual.egress += copies
        elif path == "relay":
            self.actual.ingress += copies
            self.actual.egress += copies
        if not second_path:
            self.pure.ingress += sent_bytes
            self.pure.egress += copies

    def add_time(self, path: Path, participant_seconds: float) -> None:
        """Time that participants spent in a meeting on that path."""
        _check(path, participant_seconds, "participant seconds")
        self.pure.seconds += participant_seconds
        if path == "sfu":
            self.actual.seconds += participant_seconds
        else:
            self.p2p_seconds += participant_seconds

    def merge(self, other: SavingsLedger) -> None:
        self.actual.merge(other.actual)
        self.pure.merge(other.pure)
        self.p2p_seconds += other.p2p_seconds

    def to_dict(self) -> dict[str, Any]:
        """For a pipe: complete, `from_dict` restores it exactly."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> SavingsLedger:
        """What `to_dict` wrote. Raises ValueError for damaged data."""
        try:
            return cls(Load(**data["actual"]), Load(**data["pure"]), float(data["p2p_seconds"]))
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"not a stored ledger: {error!r}") from error

    def result(self, prices: Prices = DEFAULT_PRICES) -> Savings:
        """The savings so far at these prices."""
        cost, cost_pure = self.actual.cost(prices), self.pure.cost(prices)
        return Savings(
            p2p_usage_ratio=self.p2p_seconds / self.pure.seconds if self.pure.seconds else None,
            bandwidth_saving_ratio=_saving(self.actual.bytes, self.pure.bytes),
            cost_saving_ratio=_saving(cost, cost_pure),
            bytes_crossed=self.actual.bytes,
            bytes_pure_sfu=self.pure.bytes,
            cost=cost,
            cost_pure_sfu=cost_pure,
        )


def _saving(actual: float, pure: float) -> float | None:
    return 1.0 - actual / pure if pure > 0 else None


def _check(path: str, amount: float, what: str) -> None:
    if path not in ("p2p", "relay", "sfu"):
        raise ValueError(f"unknown path {path!r}: p2p, relay or sfu")
    if not 0 <= amount < math.inf:
        raise ValueError(f"{what} must be 0 or more, got {amount}")
