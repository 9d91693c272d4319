"""As much of PromQL as it takes to see which metrics and labels an expression reads."""

from __future__ import annotations

import re
from dataclasses import dataclass

_GROUPING = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)")
_SELECTOR = re.compile(r"([a-zA-Z_:][\w:]*)\s*(?:\{([^}]*)\})?(?!\s*\(|[\w:])")
_MATCHER = re.compile(r'(\w+)\s*(?:=~|!~|!=|=)\s*"([^"]*)"')
_RANGE = re.compile(r"\[[^\]]*\]|\b[\d.]+[smhdwy]?\b")
_WORDS = {"and", "or", "unless", "bool", "offset", "by", "on", "inf", "nan"}


@dataclass(frozen=True, slots=True)
class Reading:
    """`selectors`: (metric, matchers) in the order of the text; `grouping`: labels that are summed over or matched on."""

    selectors: tuple[tuple[str, dict[str, str]], ...]
    grouping: frozenset[str]


def read(expression: str) -> Reading:
    """What `expression` reads."""
    grouping = {label.strip() for labels in _GROUPING.findall(expression) for label in labels.split(",")} - {""}
    rest = _RANGE.sub(" ", _GROUPING.sub(" ", expression))
    found = [(match[1], dict(_MATCHER.findall(match[2] or ""))) for match in _SELECTOR.finditer(rest)]
    return Reading(tuple(one for one in found if one[0].lower() not in _WORDS), frozenset(grouping))
