"""Where scenarios come from: those that ship with the project, by name, and users' own files."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Any

from probe.model.errors import ConfigError
from probe.model.scenario import Scenario
from probe.model.validation import nearest, validate
from probe.model.yaml_file import parse_yaml, read_yaml

_SHIPPED = resources.files("probe.model") / "scenarios"
_SUFFIXES = (".yaml", ".yml")


def scenario_names() -> list[str]:
    """Names of the shipped scenarios, sorted."""
    return sorted(entry.name.removesuffix(".yaml") for entry in _SHIPPED.iterdir() if entry.name.endswith(".yaml"))


def load_scenario(name_or_file: str) -> Scenario:
    """The shipped scenario of that name, or the one in that file (a path with a / or ending in .yaml or .yml).

    Media files, and targets that are a file, are found relative to the scenario's file. Raises ConfigError.
    """
    if name_or_file in scenario_names():
        text = (_SHIPPED / f"{name_or_file}.yaml").read_text(encoding="utf-8")
        return parse_scenario(parse_yaml(text, source=f"scenario {name_or_file}"), source=f"scenario {name_or_file}")
    path = Path(name_or_file)
    if not (path.suffix in _SUFFIXES or "/" in name_or_file or path.is_file()):
        hint = "probe scenarios lists them; a file of your own ends in .yaml"
        raise ConfigError(f"unknown scenario {name_or_file!r}{nearest(name_or_file, scenario_names())}", hint=hint)
    return parse_scenario(read_yaml(path), source=str(path), folder=path.parent)


def parse_scenario(data: dict[str, Any], *, source: str, folder: Path | None = None) -> Scenario:
    """`data` as a Scenario, its relative files taken from `folder`. Raises ConfigError naming `source`."""
    scenario = validate(Scenario, data, source=source)
    if folder is None:
        return scenario
    if scenario.targets.endswith(_SUFFIXES):
        scenario = scenario.model_copy(update={"targets": str(folder / scenario.targets)})
    scenario = scenario.model_copy(update={"ice": scenario.ice.in_folder(folder)})
    return with_media_files(scenario, folder=folder)


def with_media_files(
    scenario: Scenario, *, video: Path | None = None, audio: Path | None = None, folder: Path | None = None
) -> Scenario:
    """The scenario with `video` and `audio` as its media files, or its own files taken relative to `folder`.

    Raises ConfigError for a file of a kind that the scenario switches off.
    """
    media = scenario.media
    updates: dict[str, Any] = {}
    for kind, spec, given in (("video", media.video, video), ("audio", media.audio, audio)):
        if spec is None:
            if given is not None:
                raise ConfigError(f"--{kind} {given}: the scenario {scenario.name!r} sends no {kind}")
            continue
        file = given or (folder / spec.file if folder and spec.file else spec.file)
        updates[kind] = spec.model_copy(update={"file": file})
    return scenario.model_copy(update={"media": media.model_copy(update=updates)})
