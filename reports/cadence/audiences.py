"""Who reads a report, how often, and what of it."""

from __future__ import annotations

from dataclasses import dataclass

from reports.targets.profile import Profile


@dataclass(frozen=True, slots=True)
class Audience:
    """`period`: how often they read unless told otherwise. `sections` in the order in which they come; `evidence`: are verdicts
    told with their evidence and intervals?"""

    name: str
    title: str
    period: str
    sections: tuple[str, ...]
    evidence: bool


AUDIENCES = {
    audience.name: audience
    for audience in (
        Audience(
            "engineering",
            "Technical health",
            "day",
            ("alerts", "promises", "changes", "groups", "failures", "runs", "data", "unjudged", "unmeasured", "notes"),
            evidence=True,
        ),
        Audience(
            "product",
            "Product performance",
            "2weeks",
            ("changes", "promises", "groups", "unjudged", "unmeasured", "alerts", "notes"),
            evidence=True,
        ),
        Audience(
            "leadership",
            "Executive summary",
            "week",
            ("cards", "changes", "alerts", "notes"),
            evidence=False,
        ),
        Audience(
            "board", "Board page", "quarter", ("cards", "horizons", "milestones", "external", "notes"), evidence=False
        ),
    )
}
"""By name. What leadership and the board read fits on one sheet of A4."""


def title_of(audience: Audience, profile: Profile) -> str:
    """What the profile calls that report, else what we do."""
    for report in profile.reports:
        if audience.name in report.audience.lower():
            return report.title
    return audience.title
