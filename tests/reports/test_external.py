from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from probe.model.errors import ConfigError
from probe.model.validation import validate
from reports.document import build_document, schema
from reports.jsonout import to_json
from reports.targets.external import Supplied, parse_external, read_external
from reports.targets.files import load_profile
from reports.targets.profile import Profile
from tests.reports.build import good_run, result

ROWS: dict[str, Any] = {
    "profile": "mine",
    "title": "Mine",
    "default_horizon": "now",
    "kpis": [
        {"id": "joins", "title": "Joins", "metric": "join_success_ratio", "aggregate": "ratio", "comparison": ">=", "targets": {}},
        {"id": "cpu", "title": "CPU", "unit": "ratio", "comparison": "<=", "targets": {"now": "70 %"}, "not_measured": "no"},
    ],
    "external": [
        "NPS",
        {"title": "Churn", "unit": "ratio", "comparison": "<", "targets": {"now": "5 %"}},
        {"title": "User satisfaction (of 5)", "id": "csat"},
    ],
}  # fmt: skip
PROFILE = validate(Profile, ROWS, source="mine")


def parse(text: str) -> tuple[Supplied, ...]:
    return parse_external(text, PROFILE, source="kpis.csv")


def test_values_by_id_and_by_name() -> None:
    text = 'name,value,unit,date,note\nNPS,42,,2026-11-01,"survey, 412 users"\nchurn,4.5 %,,,\ncsat,4.1,stars,,\n'
    assert parse(text) == (
        Supplied("nps", 42.0, "", "2026-11-01", "survey, 412 users"),
        Supplied("churn", 0.045, "ratio"),
        Supplied("csat", 4.1, "stars"),
    )


def test_a_kpi_that_nothing_measures_takes_a_value_in_its_unit() -> None:
    assert parse("id,value\ncpu,65 %\n") == (Supplied("cpu", 0.65, "ratio"),)
    assert parse("id,value,unit\ncpu,65,%\n") == (Supplied("cpu", 0.65, "ratio"),)
    assert parse("value,id\r\n0.65,cpu\r\n\r\n") == (Supplied("cpu", 0.65, "ratio"),)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "line 1: needs the columns value and id or name"),
        ("id,note\n", "line 1: needs the columns"),
        ("name;value\nNPS;42\n", "line 1: semicolons stand between the columns"),
        ("id,valeu\n", "line 1, column 2: unknown column 'valeu', did you mean 'value'?"),
        ("id,value,value\n", "line 1, column 3: 'value' again"),
        ("id,value\nnsp,42\n", "line 2, column 1 (id): 'nsp' is no external row of mine, did you mean 'nps'?"),
        ("name,value\nJoins,42\n", "line 2, column 1 (name): 'Joins' is measured, not supplied"),
        ("id,value\nnps,42\nnps,43\n", "line 3, column 1 (id): 'nps' was given a value before"),
        ("id,value\nnps,many\n", "line 2, column 2 (value): 'many' is not a quantity"),
        ("id,value\nnps,\n", "line 2, column 2 (value)"),
        ("id,value\ncpu,65 ms\n", "line 2, column 2 (value): '65 ms' is not a quantity in ratio"),
        ("id,value,unit\nchurn,4,EUR\n", "line 2, column 3 (unit): 'EUR' is not the unit of Churn, 'ratio'"),
        ("id,value,date\nnps,42,01.11.2026\n", "line 2, column 3 (date): '01.11.2026' is not a date like 2026-11-01"),
        ("id,value\nnps,42,43\n", "line 2: 3 cells under 2 headings"),
        ('id,value\nnps,"42\n', "not CSV"),
        ("id,value\nnps,nan\n", "line 2, column 2 (value)"),
    ],
)
def test_a_mistake_names_its_line_and_column(text: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(text)
    assert said in caught.value.message
    assert caught.value.who == "kpis.csv"


def test_the_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "kpis.csv"
    path.write_bytes("\ufeffid,value\nnps,42\n".encode())
    assert read_external(path, PROFILE) == (Supplied("nps", 42.0),)
    path.write_bytes(b"id,value\nnps,\xff\n")
    with pytest.raises(ConfigError, match="is not UTF-8"):
        read_external(path, PROFILE)
    with pytest.raises(ConfigError, match="can't be read"):
        read_external(tmp_path / "none.csv", PROFILE)


def test_supplied_rows_stand_in_the_scorecard() -> None:
    supplied = parse("id,value,date\nnps,42,2026-11-01\nchurn,6 %,\ncpu,65 %,\n")
    document = build_document(result(good_run()), PROFILE, "now", supplied=supplied)
    read = json.loads(to_json(document))
    jsonschema.Draft202012Validator(schema()).validate(read)
    rows = {row["kpi"]: (row["value"], row["status"], row["evidence"]) for row in read["kpis"]}
    assert rows["cpu"] == (0.65, "pass", "supplied from outside")
    assert rows["nps"] == (42.0, "not_judged", "supplied from outside, 2026-11-01")
    assert rows["churn"] == (pytest.approx(0.06), "fail", "supplied from outside")
    assert list(rows) == ["joins", "cpu", "nps", "churn"]
    assert read["external"] == ["User satisfaction (of 5)"]
    assert read["verdict"]["exit_code"] == 3
    without = build_document(result(good_run()), PROFILE, "now")
    assert without["external"] == ["NPS", "Churn", "User satisfaction (of 5)"]
    assert without["verdict"]["exit_code"] == 0


def test_external_rows_of_the_shipped_profile_can_be_filled() -> None:
    found = parse_external("name,value\nLTV:CAC,3.2\n", load_profile("video-platform"), source="f")
    assert found == (Supplied("ltv_cac", 3.2),)
