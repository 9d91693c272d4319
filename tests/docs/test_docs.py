"""The documents are held to the code: names, units, defaults, figures, examples and links."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from probe.measure.health import Health, HealthLimits
from probe.measure.intervals import attempts_needed
from probe.measure.join import PHASES
from probe.media.ssim_calibration import CALIBRATIONS
from probe.model.metrics import METRICS
from probe.model.plan import planned_counts
from probe.model.samples import TAG_NAMES
from probe.model.scenario import Scenario
from probe.model.scenario_files import load_scenario, parse_scenario, scenario_names
from probe.model.yaml_file import parse_yaml
from reports.targets.files import check_choice, load_profile

ROOT = Path(__file__).parents[2]
DOCS = sorted((ROOT / "docs").glob("*.md"))
PAGES = [page for page in (ROOT / "README.md", *DOCS) if page.exists()]
METRICS_PAGE = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
SCENARIOS_PAGE = (ROOT / "docs" / "scenarios.md").read_text(encoding="utf-8")
DEPTHS = ("headers", "frames", "pictures")


def tables(text: str, *header: str) -> list[list[str]]:
    """The rows, as cells, of every table whose header begins with these cells."""
    rows: list[list[str]] = []
    wanted = inside = False
    for line in text.splitlines():
        if not line.startswith("|"):
            wanted = inside = False
            continue
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if not inside:
            inside, wanted = True, tuple(cells[: len(header)]) == header
        elif wanted and set(cells[0]) != {"-"}:
            rows.append(cells)
    return rows


def code(cell: str) -> list[str]:
    """What stands in backticks."""
    return re.findall(r"`([^`]+)`", cell)


def named(rows: list[list[str]]) -> dict[str, list[str]]:
    """Rows by the code in their first cell, each named once."""
    found = {code(row[0])[0]: row[1:] for row in rows}
    assert len(found) == len(rows), "named twice"
    return found


# docs/metrics.md


def test_the_overview_names_every_metric_with_its_unit_and_direction() -> None:
    rows = named(tables(METRICS_PAGE, "metric", "unit", "better"))
    assert {name: tuple(cells[:2]) for name, cells in rows.items()} == {
        name: (metric.unit, metric.better) for name, metric in METRICS.items()
    }
    assert all(cells[2] for cells in rows.values())


def test_every_metric_has_its_section_with_tags_sample_depth_and_module() -> None:
    rows = named(tables(METRICS_PAGE, "metric", "tags", "one sample"))
    assert set(rows) == set(METRICS)
    for name, (tags, sample, depth, modules) in rows.items():
        assert sorted(filter(None, tags.split(", "))) == sorted(METRICS[name].tags), name
        assert sample, name
        assert depth in DEPTHS, name
        assert code(modules) or modules == "not yet computed", name


def test_no_name_on_the_metrics_page_is_made_up() -> None:
    known = {*METRICS, *PHASES, *TAG_NAMES, *(field.name for field in fields(Health)), *scenario_keys()}
    known |= {key.rpartition(".")[2] for key in scenario_keys()}
    names = {name for name in code(METRICS_PAGE) if re.fullmatch(r"[a-z0-9]+(_[a-z0-9]+)+", name)}
    assert len(names) > len(METRICS)
    assert names - known == set()


def test_files_that_the_pages_name_exist() -> None:
    named_files = {name for page in PAGES for name in code(page.read_text(encoding="utf-8"))}
    files = {name for name in named_files if re.fullmatch(r"(probe|reports|sfu_shim|tests|docs)/[\w/.-]+\.\w+", name)}
    assert len(files) > 20
    assert [name for name in sorted(files) if not (ROOT / name).is_file()] == []


def test_join_phases_stand_in_their_order() -> None:
    assert tuple(named(tables(METRICS_PAGE, "phase"))) == PHASES


def test_health_limits_are_the_code_s() -> None:
    rows = named(tables(METRICS_PAGE, "field", "what it is", "limit"))
    limits = HealthLimits()
    for field in fields(HealthLimits):
        limit = getattr(limits, field.name)
        told = rows.pop(field.name)[1]
        assert told == "none" if limit is None else float(told) == limit, field.name
    assert rows == {}


def test_attempts_that_prove_a_ratio_are_worked_out() -> None:
    rows = tables(METRICS_PAGE, "target", "none fails")
    assert len(rows) > 5
    for target, *attempts in rows:
        ratio = float(target.removesuffix("%")) / 100
        for failures, told in enumerate(attempts):
            more = attempts_needed(0, failures, ratio)
            assert more is not None
            assert int(told) == more + failures, target


def test_the_calibration_s_fit_error_and_best_mos_are_the_table_s() -> None:
    rows = {int(row[0]): row[1:] for row in tables(METRICS_PAGE, "height", "RMSE, VMAF points")}
    assert set(rows) == set(CALIBRATIONS)
    for height, table in CALIBRATIONS.items():
        assert float(rows[height][0]) == table.fit_error
        assert float(rows[height][-1]) == pytest.approx(table.mos(1.0), abs=0.0051)


# docs/scenarios.md


def scenario_keys(model: type[BaseModel] = Scenario, prefix: str = "") -> dict[str, Any]:
    """Every key of the grammar, dotted, with its field; a key that holds others comes with them."""
    found: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        found[prefix + name] = field
        inner = [one for one in (field.annotation, *get_args(field.annotation)) if isinstance(one, type)]
        for one in inner:
            if issubclass(one, BaseModel):
                del found[prefix + name]
                found |= scenario_keys(one, f"{prefix}{name}.")
    return found


def in_yaml(default: Any) -> str:
    """A default as the page writes it."""
    if default is PydanticUndefined:
        return "required"
    if default is None or isinstance(default, bool):
        return f"`{'null' if default is None else str(default).lower()}`"
    if isinstance(default, tuple) and default:
        return f"`{', '.join(map(str, default))}`"
    if default == "" or default == ():
        return '`""`' if default == "" else "`[]`"
    return f"`{default:.12g}`" if isinstance(default, float) else f"`{default}`"


def limits(field: Any) -> Iterator[str]:
    """The numbers that bound a key, and the words that it may be."""
    for rule in field.metadata:
        for bound in ("ge", "gt", "le", "max_length"):
            if (number := getattr(rule, bound, None)) is not None:
                yield f"{number:.12g}"
    if all(isinstance(word, str) for word in get_args(field.annotation)):
        yield from get_args(field.annotation)


def test_every_key_of_a_scenario_stands_with_its_default_and_limits() -> None:
    rows = named(tables(SCENARIOS_PAGE, "key", "default", "allowed"))
    keys = scenario_keys()
    assert len(keys) > 30
    assert {key: rows[key][0] for key in keys if key in rows} == {key: in_yaml(keys[key].default) for key in keys}
    assert set(rows) - set(keys) == {"http", "ice", "media", "observe", "prices"}
    for key, field in keys.items():
        words = re.findall(r"[\w.]+", rows[key][1])
        assert [limit for limit in limits(field) if limit not in words] == [], key


CAMERA_PAGE = (ROOT / "docs" / "camera.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```", SCENARIOS_PAGE + CAMERA_PAGE, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("text", EXAMPLES, ids=range(len(EXAMPLES)))
def test_examples_are_scenarios_that_a_run_would_take(text: str) -> None:
    scenario = parse_scenario(parse_yaml(text, source="example"), source="example")
    check_choice(load_profile(scenario.targets), scenario.horizon, scenario.judges)


def test_there_are_examples() -> None:
    assert len(EXAMPLES) == (SCENARIOS_PAGE + CAMERA_PAGE).count("```yaml") >= 4


def test_shipped_scenarios_come_to_what_the_page_says() -> None:
    rows = named(tables(SCENARIOS_PAGE, "scenario", "joins", "migrations"))
    plans = {name: planned_counts(load_scenario(name)) for name in scenario_names()}
    assert {name: cells[:2] for name, cells in rows.items()} == {
        name: [str(plan.joins), str(plan.migrations)] for name, plan in plans.items()
    }


@pytest.mark.parametrize("profile", ["video-platform", "camera-traffic"])
def test_the_page_says_which_scenario_judges_what(profile: str) -> None:
    shipped = {name: one.judges or () for name in scenario_names() if (one := load_scenario(name)).targets == profile}
    judged: dict[str, set[str]] = {}
    for kpis, scenarios in tables(SCENARIOS_PAGE, f"row of `{profile}`"):
        judges = set(shipped) if scenarios.startswith("all") else set(code(scenarios))
        judged |= dict.fromkeys(code(kpis), judges)
    assert judged == {
        kpi: {name for name, kpis in shipped.items() if kpi in kpis} for kpis in shipped.values() for kpi in kpis
    }


# all pages, all files


def anchors(page: Path) -> set[str]:
    """Of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ +(.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_relative_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path) if path else page
        assert target.exists(), f"{page.name}: {link}"
        assert not anchor or anchor in anchors(target), f"{page.name}: {link}"


# Hosts of package registries, and where one developer's machine keeps things: none of a reader's business. Written so
# that this file does not match itself.
FORBIDDEN = re.compile(
    rb"pypi[.]org|pythonhosted[.]org|registry[.]npmjs|crates[.]io|proxy[.]golang|deb[.]debian[.]org|index-ur[l]"
    rb"|(?<![\w.-])/wor[k]/|/tmp/[w]\b"
)


def test_no_file_names_a_registry_or_a_place_on_somebody_s_machine() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout.decode()
    files = [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]
    assert len(files) > 100
    assert [str(file.relative_to(ROOT)) for file in files if FORBIDDEN.search(file.read_bytes())] == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (("see /wor", "k/main"), True),
        (("'/tmp/", "w/venv'"), True),
        (("https://pypi", ".org/simple"), True),
        (("--index-ur", "l x"), True),
        (("a/network", "/b"), False),
        (("docs/wor", "k/x"), False),
        (("/tmp/", "web"), False),
    ],
)
def test_such_names_are_found_and_others_left_alone(text: tuple[str, ...], found: bool) -> None:
    assert bool(FORBIDDEN.search("".join(text).encode())) is found
