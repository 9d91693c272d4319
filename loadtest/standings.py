"""The workers of a campaign: what each says as a whole, whether it can be believed, and which of them are lost. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from loadtest.harvest import Standing
from probe.measure.health import GeneratorHealth, Health
from probe.model.result import RunError
from reports.document import BUG

LOST = "process"
"""The phase of an error that is an engine's or a worker's end."""
_MOST_LOSSES = 20


def merged(standings: Iterable[Standing]) -> Standing:
    """All of them as one."""
    whole: Standing | None = None
    for one in standings:
        if whole is None:
            whole = Standing(health=GeneratorHealth(one.health.limits))
        whole.health.merge(one.health)
        whole.ledger.merge(one.ledger)
        whole.present += one.present
        whole.observed += one.observed
        whole.networks += one.networks
    return whole or Standing()


@dataclass(slots=True)
class WorkerRecord:
    """One worker. `engine` is the incarnation that spoke last and `current` what it said, `past` all that earlier ones had said.
    `losses` are the engines that it lost, by (message, crashed); `gone` says why the worker itself is."""

    name: str
    engine: str = ""
    current: Standing = field(default_factory=Standing)
    past: Standing | None = None
    losses: Counter[tuple[str, bool]] = field(default_factory=Counter)
    gone: str = ""
    _health: Health | None = None

    def take(self, engine: str, standing: Standing) -> None:
        """What the engine says replaces what it said before; an engine that took another's place begins anew."""
        if self.engine and engine != self.engine:
            self.past = merged([*([self.past] if self.past else []), self.current])
            self.past.present = 0
        self.engine, self.current, self.gone, self._health = engine, standing, "", None

    def lose(self, message: str, *, crashed: bool) -> None:
        key = (message, crashed)
        if key in self.losses or len(self.losses) < _MOST_LOSSES:
            self.losses[key] += 1

    @property
    def whole(self) -> Standing:
        return merged([*([self.past] if self.past else []), self.current])

    @property
    def present(self) -> int:
        return 0 if self.gone else self.current.present

    @property
    def health(self) -> Health:
        """Of its engines; worked out once for each report."""
        if self._health is None:
            self._health = self.whole.health.verdict()
        return self._health

    def reasons(self) -> list[str]:
        """Why this worker's readings can't be believed."""
        lost = [f"lost: {self.gone}"] if self.gone else []
        return [*self.health.reasons, *(message for message, _ in self.losses), *lost]

    def figures(self) -> dict[str, Any]:
        """Its health, of which it alone is judged."""
        reasons = self.reasons()
        return {**self.health.to_dict(), "trustworthy": not reasons, "reasons": reasons}

    def errors(self) -> Iterator[RunError]:
        for (message, crashed), count in self.losses.items():
            yield RunError(BUG if crashed else LOST, self.name, message, count)
        if self.gone:
            yield RunError(LOST, self.name, f"lost: {self.gone}")


class Standings:
    """All workers by their id, numbered as they first spoke."""

    def __init__(self) -> None:
        self._workers: dict[str, WorkerRecord] = {}

    def __iter__(self) -> Iterator[WorkerRecord]:
        return iter(self._workers.values())

    def __len__(self) -> int:
        return len(self._workers)

    def of(self, worker: str) -> WorkerRecord:
        """The worker's record, made when it is first asked for. Locust's ids are its host's name, "_" and random digits."""
        if worker not in self._workers:
            host = worker.rpartition("_")[0] or worker
            self._workers[worker] = WorkerRecord(f"worker {len(self._workers) + 1} ({host})")
        return self._workers[worker]

    @property
    def present(self) -> int:
        return sum(one.present for one in self)

    @property
    def total(self) -> Standing:
        return merged(one.whole for one in self)

    @property
    def worst_lag(self) -> float | None:
        return max((one.health.loop_lag_p99_seconds for one in self), default=None)

    def reasons(self) -> list[str]:
        """Why not all readings can be believed; each names its worker."""
        return [f"{one.name}: {reason}" for one in self for reason in one.reasons()]

    def health(self) -> dict[str, Any]:
        """The generator's verdict: figures of all pooled, but the trust of each, for one worker that is short of breath would hide
        in pooled percentiles while its participants' readings are as wrong as if it were alone. Reasons name the worker."""
        if not self._workers:
            return {"trustworthy": False, "reasons": ["no worker ever reported"]}
        reasons = self.reasons()
        pooled: dict[str, Any] = self.total.health.verdict().to_dict() | {
            "trustworthy": not reasons,
            "reasons": reasons,
        }
        if len(self) > 1:
            pooled["workers"] = [{"worker": one.name, **one.figures()} for one in self]
        return pooled

    def live(self) -> list[Mapping[str, Any]]:
        """What the live view says of each."""
        return [_live(one) for one in self]

    def errors(self) -> tuple[RunError, ...]:
        return tuple(error for one in self for error in one.errors())


def _live(one: WorkerRecord) -> Mapping[str, Any]:
    figures = one.figures()
    names = ("trustworthy", "reasons", "loop_lag_p99_seconds", "pacing_error_p99_seconds")
    return {
        "name": one.name,
        "participants": one.present,
        **{name: figures[name] for name in names},
        "cpu": figures["cpu_ratio"],
    }
