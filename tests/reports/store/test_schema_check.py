"""Our own check of our own schema, held to the jsonschema package."""

from __future__ import annotations

import copy
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.document import schema
from reports.store.schema_check import violations
from tests.reports.store.build import entry

_JUNK: list[Any] = [None, True, -1, 0.5, 2, "", "now", [], [1], {}, {"a": 1}]


def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a document."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(deeper for key, one in inside for deeper in paths(one, (*path, key)))]


DOCUMENT = entry().document
PLACES = paths(DOCUMENT)[1:]
FORMATS = jsonschema.Draft202012Validator(schema(), format_checker=jsonschema.FormatChecker())


def test_a_good_document_has_no_violation() -> None:
    assert list(violations(DOCUMENT, schema())) == []


@given(st.sampled_from(PLACES), st.sampled_from([*_JUNK, "delete"]))
def test_it_agrees_with_jsonschema(path: tuple[Any, ...], junk: Any) -> None:
    document = copy.deepcopy(DOCUMENT)
    at = document
    for key in path[:-1]:
        at = at[key]
    if junk == "delete":
        del at[path[-1]]
    else:
        at[path[-1]] = junk
    if path == ("run", "started_at"):
        return  # a format: jsonschema checks dates only with a further package
    assert bool(list(violations(document, schema()))) == (not FORMATS.is_valid(document))


def test_it_names_the_place() -> None:
    document = {**DOCUMENT, "verdict": {**DOCUMENT["verdict"], "pass": -1}}
    assert list(violations(document, schema())) == ["verdict.pass: minimum 0"]


def test_a_date_that_is_none_is_seen() -> None:
    document = {**DOCUMENT, "run": {**DOCUMENT["run"], "started_at": "yesterday"}}
    assert list(violations(document, schema())) == ["run.started_at: format date-time"]


def test_a_keyword_that_nobody_checks_is_a_fault_of_the_schema() -> None:
    with pytest.raises(ValueError, match="dependentRequired"):
        list(violations({}, {"dependentRequired": {}}))
