"""What a report lists one by one, in memory that does not grow: rows of stays and migrations, and kinds of errors. Pure."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Mapping

from loadtest.harvest import Row

MOST_FAILED, FIRST, LAST = 200, 50, 50
MOST_KINDS = 200
OTHERS = "several"
FURTHER = "further errors of other kinds"
Kind = tuple[str, str, str]
"""Phase, who, message."""


class KeptRows:
    """Of all rows the first MOST_FAILED that failed, and of the others the FIRST and the LAST, in the order they came."""

    def __init__(self, failed: Callable[[Row], bool]) -> None:
        self._is_failed = failed
        self._failed: list[tuple[int, Row]] = []
        self._first: list[tuple[int, Row]] = []
        self._last: deque[tuple[int, Row]] = deque(maxlen=LAST)
        self.count = 0
        self.failed = 0

    def add(self, row: Row) -> None:
        numbered = (self.count, row)
        self.count += 1
        if self._is_failed(row):
            self.failed += 1
            if len(self._failed) < MOST_FAILED:
                self._failed.append(numbered)
        elif len(self._first) < FIRST:
            self._first.append(numbered)
        else:
            self._last.append(numbered)

    def pass_over(self, number: int) -> None:
        """So many more there were, of which nobody told the rows."""
        self.count += number

    @property
    def rows(self) -> tuple[Row, ...]:
        return tuple(row for _, row in sorted([*self._failed, *self._first, *self._last], key=lambda one: one[0]))

    def note(self, noun: str) -> str:
        """ "900 of 1000 stays are not listed; all 3 that failed are"; empty when all are."""
        missing = self.count - len(self._failed) - len(self._first) - len(self._last)
        if not missing:
            return ""
        listed = f"the first {MOST_FAILED} of {self.failed}" if self.failed > MOST_FAILED else f"all {self.failed}"
        failed = f"{listed} that failed are" if self.failed else "none of them failed"
        return f"{missing} of {self.count} {noun} are not listed; {failed}"


class KindsOfErrors:
    """Errors by phase, who and message. Beyond MOST_KINDS no names are kept, beyond twice as many no messages either."""

    def __init__(self) -> None:
        self._counts: Counter[Kind] = Counter()

    def add(self, counts: Mapping[Kind, int]) -> None:
        for (phase, who, message), number in counts.items():
            self._counts[self._key(phase, who, message)] += number

    def _key(self, phase: str, who: str, message: str) -> Kind:
        for key, most in (((phase, who, message), MOST_KINDS), ((phase, OTHERS, message), 2 * MOST_KINDS)):
            if key in self._counts or len(self._counts) < most:
                return key
        return "", OTHERS, FURTHER

    @property
    def counts(self) -> Mapping[Kind, int]:
        return self._counts
