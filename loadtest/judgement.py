"""By which promises a campaign is judged, and what its process says when it ends."""

from __future__ import annotations

from dataclasses import dataclass

from loadtest.settings import Settings
from probe.model.result import RunResult
from reports.document import Document, build_document
from reports.targets.files import check_choice, load_profile
from reports.targets.profile import Profile
from reports.units import UnitWant


@dataclass(frozen=True, slots=True)
class Judgement:
    """The profile's promises at one horizon. `judges` are the rows that this campaign can judge, None: those that the profile
    leaves to a single run. `strict`: an undecided row fails the campaign too."""

    profile: Profile
    horizon: str
    judges: frozenset[str] | None
    strict: bool

    @property
    def unit_wants(self) -> tuple[UnitWant, ...]:
        """Of which readings workers keep who took them. Not those of rows with `after`: a campaign keeps no samples by their time."""
        return tuple(want for want in self.profile.unit_wants if not want.after)

    def document(self, result: RunResult) -> Document:
        """The judged report of a campaign."""
        return build_document(result, self.profile, self.horizon, self.judges, strict=self.strict)


def judgement_of(settings: Settings) -> Judgement:
    """What the settings want to be judged by. Raises ConfigError naming what the profile lacks."""
    profile = load_profile(settings.targets)
    horizon = settings.horizon or profile.default_horizon
    judges = judges_of(settings)
    check_choice(profile, horizon, judges)
    return Judgement(profile, horizon, judges, settings.strict)


def judges_of(settings: Settings) -> frozenset[str] | None:
    """The rows that the scenario can judge: those of its own profile, for another platform's rows have other names."""
    scenario = settings.scenario
    own = settings.targets == scenario.targets
    return frozenset(scenario.judges) if own and scenario.judges is not None else None


def exit_code(document: Document) -> int:
    """0 no target failed, 1 a bug of ours, 3 a target failed, 4 nothing could be measured or believed (or, strictly, decided)."""
    return int(document["verdict"]["exit_code"])
