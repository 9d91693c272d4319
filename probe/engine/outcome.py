"""What an engine measured, whole and mergeable: the outcomes of many processes add up to that of one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from probe.measure.health import GeneratorHealth
from probe.measure.savings import SavingsLedger
from probe.measure.series import Series
from probe.measure.summary import Summary
from probe.measure.worst import worst_of
from reports.slices import Slices

Rows = list[Mapping[str, Any]]


@dataclass(slots=True)
class Outcome:
    """`presence`: (monotonic seconds, +1 or -1) whenever somebody has media or leaves. `migrations` and `participants`: the
    report's rows by the meeting's number in the run. `errors` by (phase, who, message), `crashes` are our bugs, `networks`
    count the participants of each emulated network by (name, source), `observed` what was looked at closely
    (`probe.measure.observed`), `disturbed` count to whom an emulated network did something, by (seconds of the run, what), and
    `noticed` to whom something happened by itself.
    `browsers` is what the browsers among the participants measured, `worst_frames` are the report's."""

    summary: Summary = field(default_factory=Summary)
    series: Series = field(default_factory=Series)
    slices: Slices = field(default_factory=Slices)
    health: GeneratorHealth = field(default_factory=GeneratorHealth)
    ledger: SavingsLedger = field(default_factory=SavingsLedger)
    presence: list[tuple[float, int]] = field(default_factory=list)
    migrations: dict[int, Rows] = field(default_factory=dict)
    participants: dict[int, Rows] = field(default_factory=dict)
    errors: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    crashes: Counter[str] = field(default_factory=Counter)
    networks: Counter[tuple[str, str]] = field(default_factory=Counter)
    observed: Counter[str] = field(default_factory=Counter)
    disturbed: Counter[tuple[float, str]] = field(default_factory=Counter)
    noticed: Counter[tuple[float, str]] = field(default_factory=Counter)
    browsers: Summary = field(default_factory=Summary)
    worst_frames: Rows = field(default_factory=list)

    def merge(self, other: Outcome) -> None:
        """Take in another process's outcome, of other meetings."""
        self.summary.merge(other.summary)
        self.series.merge(other.series)
        self.slices.merge(other.slices)
        self.health.merge(other.health)
        self.ledger.merge(other.ledger)
        self.presence += other.presence
        self.migrations |= other.migrations
        self.participants |= other.participants
        self.errors += other.errors
        self.crashes += other.crashes
        self.networks += other.networks
        self.observed += other.observed
        self.disturbed += other.disturbed
        self.noticed += other.noticed
        self.browsers.merge(other.browsers)
        self.worst_frames = worst_of([*self.worst_frames, *other.worst_frames])

    @property
    def peak(self) -> int:
        """The most participants who were there at the same time, in all processes together."""
        present = peak = 0
        for _, change in sorted(self.presence, key=lambda entry: entry[0]):
            present += change
            peak = max(peak, present)
        return peak

    def to_dict(self) -> dict[str, Any]:
        """For a pipe."""
        return {
            "summary": self.summary.to_dict(),
            "series": self.series.to_dict(),
            "slices": self.slices.to_dict(),
            "health": self.health.to_dict(),
            "ledger": self.ledger.to_dict(),
            "presence": [list(entry) for entry in self.presence],
            "migrations": [[number, rows] for number, rows in self.migrations.items()],
            "participants": [[number, rows] for number, rows in self.participants.items()],
            "errors": [[*key, count] for key, count in self.errors.items()],
            "crashes": list(self.crashes.items()),
            "networks": [[*key, count] for key, count in self.networks.items()],
            "observed": dict(self.observed),
            "disturbed": [[*key, count] for key, count in self.disturbed.items()],
            "noticed": [[*key, count] for key, count in self.noticed.items()],
            "browsers": self.browsers.to_dict(),
            "worst_frames": self.worst_frames,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Outcome:
        """What `to_dict` wrote. Raises ValueError for damaged data."""
        try:
            return cls(
                summary=Summary.from_dict(data["summary"]),
                series=Series.from_dict(data["series"]),
                slices=Slices.from_dict(data["slices"]),
                health=GeneratorHealth.from_dict(data["health"]),
                ledger=SavingsLedger.from_dict(data["ledger"]),
                presence=[(float(time), int(change)) for time, change in data["presence"]],
                migrations={int(number): list(rows) for number, rows in data["migrations"]},
                participants={int(number): list(rows) for number, rows in data["participants"]},
                errors=Counter({(phase, who, text): int(count) for phase, who, text, count in data["errors"]}),
                crashes=Counter({str(text): int(count) for text, count in data["crashes"]}),
                networks=Counter({(name, source): int(count) for name, source, count in data["networks"]}),
                observed=Counter({str(name): int(count) for name, count in data["observed"].items()}),
                disturbed=Counter({(float(time), text): int(count) for time, text, count in data["disturbed"]}),
                noticed=Counter({(float(time), text): int(count) for time, text, count in data["noticed"]}),
                browsers=Summary.from_dict(data["browsers"]),
                worst_frames=list(data["worst_frames"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ValueError(f"not a stored outcome: {error!r}") from error


def in_order(rows: Mapping[int, Rows]) -> tuple[Mapping[str, Any], ...]:
    """All rows, by the number of their meeting."""
    return tuple(row for number in sorted(rows) for row in rows[number])
