"""What one check of an adapter came to."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """`rule` is what was asked for; `fault` what is wrong and what to do, empty where nothing is; `skipped` why it was not
    checked."""

    rule: str
    fault: str = ""
    skipped: str = ""

    @property
    def holds(self) -> bool:
        return not self.fault and not self.skipped
