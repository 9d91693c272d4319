"""Reads a YAML file of ours: small, one document, a mapping, no key twice."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from probe.model.errors import ConfigError

MAX_BYTES = 1_000_000


class _Loader(yaml.SafeLoader):
    """Safe, and stricter: a repeated key is an error, not a silent override. Aliases are refused, since a few lines of
    them unfold into gigabytes and nothing of ours needs them."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.MarkedYAMLError(problem="aliases (*name) are not used here", problem_mark=self.get_mark())
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    raise yaml.MarkedYAMLError(problem=f"key {key.value!r} appears twice", problem_mark=key.start_mark)
                seen.add(key.value)
        return super().construct_mapping(node, deep=deep)


def parse_yaml(text: str, *, source: str) -> dict[str, Any]:
    """The mapping that `text` holds. Raises ConfigError naming `source` and the line."""
    try:
        found = yaml.load(text, _Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        told = ", ".join(part for part in (error.context, error.problem) if part)
        hint = "indent with spaces, YAML takes no tabs" if "'\\t'" in told else ""
        raise ConfigError(f"{where}{told}", who=source, phase="YAML", hint=hint) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigError(f"not YAML: {str(error) or type(error).__name__}", who=source, phase="YAML") from error
    if not isinstance(found, dict):
        kind = "nothing" if found is None else f"a {type(found).__name__}"
        raise ConfigError(f"expected keys and values, found {kind}", who=source, phase="YAML")
    return found


def line_of(text: str, path: Sequence[str | int]) -> int | None:
    """The line (from 1) on which the value, or the deepest part of its path that is there, begins: `("kpis", 3, "metric")`. None for
    text that is not YAML."""
    try:
        node = yaml.compose(text, _Loader)
    except (yaml.YAMLError, ValueError, RecursionError):
        return None
    line = None
    for part in path:
        found = _part(node, part)
        if found is None:
            break
        line, node = found
    return line


def _part(node: yaml.Node | None, part: str | int) -> tuple[int, yaml.Node] | None:
    """Line and node of a key's value or a list's entry; a key's line is that of the key."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value == str(part):
                return key.start_mark.line + 1, value
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part].start_mark.line + 1, node.value[part]
    return None


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping in the file. Raises ConfigError when it can't be read."""
    return parse_yaml(read_text(path), source=str(path))


def read_text(path: Path) -> str:
    """The file's text. Raises ConfigError when it can't be read."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"can't be read: {error.strerror}", who=str(path)) from error
    if len(data) > MAX_BYTES:
        raise ConfigError(f"has {len(data)} bytes, more than the {MAX_BYTES} a configuration may have", who=str(path))
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(f"is not UTF-8 text (byte {error.start})", who=str(path)) from error
