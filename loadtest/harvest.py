"""What an engine hands to its worker, and the worker to the master: pure, mergeable, and as small after a day as after a minute."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from probe.measure.health import GeneratorHealth
from probe.measure.savings import SavingsLedger
from probe.measure.summary import Summary
from reports.units import Units

Row = Mapping[str, Any]


@dataclass(slots=True)
class Delta:
    """What happened since the last harvest; deltas of one or of many engines add up.

    `units`: who took the readings of the rows that ask for it, and only those who took any since; a share adds up over deltas.
    `presence`: (monotonic seconds, +1 or -1) whenever somebody has media or leaves. `participants` and `migrations`: rows of
    the report, of stays and moves that ended, failures first and no more than fit a message: `unlisted` counts those beyond, as
    "participants" and "migrations". `errors` by (phase, who, message), `crashes` are our bugs. `retries`: joins
    that were tried again. `first_drop`: UTC seconds (`time.time()`) of the first lost call, if there was one.
    """

    summary: Summary = field(default_factory=Summary)
    presence: list[tuple[float, int]] = field(default_factory=list)
    participants: list[Row] = field(default_factory=list)
    migrations: list[Row] = field(default_factory=list)
    unlisted: Counter[str] = field(default_factory=Counter)
    errors: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    crashes: Counter[str] = field(default_factory=Counter)
    retries: int = 0
    first_drop: float | None = None
    units: Units = field(default_factory=Units)

    def merge(self, other: Delta) -> None:
        """Take in what came after, or came from elsewhere."""
        self.summary.merge(other.summary)
        self.units.merge(other.units)
        self.presence += other.presence
        self.participants += other.participants
        self.migrations += other.migrations
        self.unlisted += other.unlisted
        self.errors += other.errors
        self.crashes += other.crashes
        self.retries += other.retries
        drops = [drop for drop in (self.first_drop, other.first_drop) if drop is not None]
        self.first_drop = min(drops, default=None)

    def to_dict(self) -> dict[str, Any]:
        """For a pipe or a message."""
        return {
            "summary": self.summary.packed(),
            "presence": [list(entry) for entry in self.presence],
            "participants": list(self.participants),
            "migrations": list(self.migrations),
            "unlisted": dict(self.unlisted),
            "errors": [[*key, count] for key, count in self.errors.items()],
            "crashes": [list(entry) for entry in self.crashes.items()],
            "retries": self.retries,
            "first_drop": self.first_drop,
            "units": self.units.to_dict(),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Delta:
        """What `to_dict` wrote. Raises ValueError for damaged data."""
        try:
            return cls(
                summary=Summary.from_dict(data["summary"]),
                presence=[(float(time), int(change)) for time, change in data["presence"]],
                participants=list(data["participants"]),
                migrations=list(data["migrations"]),
                unlisted=Counter({str(name): int(count) for name, count in data["unlisted"].items()}),
                errors=Counter({(phase, who, text): int(count) for phase, who, text, count in data["errors"]}),
                crashes=Counter({str(text): int(count) for text, count in data["crashes"]}),
                retries=int(data["retries"]),
                first_drop=None if data["first_drop"] is None else float(data["first_drop"]),
                units=Units.from_dict(data["units"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ValueError(f"not a stored delta: {error!r}") from error


@dataclass(slots=True)
class Standing:
    """What one engine says as a whole each time, so that nothing is lost with a message: the generator's health, what P2P saved,
    how many participants are in right now, what was looked at closely, and the emulated networks by (name, source)."""

    health: GeneratorHealth = field(default_factory=GeneratorHealth)
    ledger: SavingsLedger = field(default_factory=SavingsLedger)
    present: int = 0
    observed: Counter[str] = field(default_factory=Counter)
    networks: Counter[tuple[str, str]] = field(default_factory=Counter)

    def to_dict(self) -> dict[str, Any]:
        """For a pipe or a message."""
        return {
            "health": self.health.to_dict(),
            "ledger": self.ledger.to_dict(),
            "present": self.present,
            "observed": dict(self.observed),
            "networks": [[*key, count] for key, count in self.networks.items()],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Standing:
        """What `to_dict` wrote. Raises ValueError for damaged data."""
        try:
            return cls(
                health=GeneratorHealth.from_dict(data["health"]),
                ledger=SavingsLedger.from_dict(data["ledger"]),
                present=int(data["present"]),
                observed=Counter({str(name): int(count) for name, count in data["observed"].items()}),
                networks=Counter({(name, source): int(count) for name, source, count in data["networks"]}),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ValueError(f"not a stored standing: {error!r}") from error
