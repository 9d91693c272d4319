"""Where profiles come from: those that ship with the project, by name, and users' own files."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import resources
from pathlib import Path

from probe.model.errors import ConfigError
from probe.model.validation import nearest, validate
from probe.model.yaml_file import line_of, parse_yaml, read_text
from reports.targets.profile import Profile

_SHIPPED = resources.files("reports.targets")
_SUFFIXES = (".yaml", ".yml")


def profile_names() -> list[str]:
    """Names of the shipped profiles, sorted."""
    return sorted(entry.name.removesuffix(".yaml") for entry in _SHIPPED.iterdir() if entry.name.endswith(".yaml"))


def load_profile(name_or_file: str) -> Profile:
    """The shipped profile of that name, or the one in that file (a path with a / or ending in .yaml or .yml).

    Raises ConfigError naming the file, line and YAML path of each fault and what is allowed.
    """
    if name_or_file in profile_names():
        source = f"targets {name_or_file}"
        text = (_SHIPPED / f"{name_or_file}.yaml").read_text(encoding="utf-8")
        return parse_profile(text, source=source)
    path = Path(name_or_file)
    if not (path.suffix in _SUFFIXES or "/" in name_or_file or path.is_file()):
        hint = "probe targets lists them; a file of your own ends in .yaml"
        raise ConfigError(f"unknown target profile {name_or_file!r}{nearest(name_or_file, profile_names())}", hint=hint)
    return parse_profile(read_text(path), source=str(path))


def parse_profile(text: str, *, source: str) -> Profile:
    """The profile that `text` holds. Raises ConfigError naming `source`, and the line of each fault."""
    return validate(Profile, parse_yaml(text, source=source), source=source, locate=lambda place: line_of(text, place))


def check_choice(profile: Profile, horizon: str, judges: Iterable[str] | None) -> None:
    """Raises ConfigError when the profile lacks the horizon or a KPI that a scenario wants to judge."""
    try:
        profile.check_horizon(horizon)
    except ValueError as error:
        raise ConfigError(str(error), who=f"targets {profile.profile}") from error
    known = [kpi.id for kpi in profile.kpis]
    for kpi in judges or ():
        if kpi not in known:
            raise ConfigError(f"judges: unknown KPI {kpi!r}{nearest(kpi, known)}", who=f"targets {profile.profile}")
