"""JUnit XML, read back by xml.etree and held to the shape that CI systems agree on."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from reports.document import Document
from reports.junit import render_junit
from tests.reports.build import BUSY
from tests.reports.full import full_document

ALLOWED = {
    "testsuites": {"name", "tests", "failures", "errors", "skipped", "time"},
    "testsuite": {
        "name", "package", "id", "hostname", "timestamp", "time", "tests", "failures", "errors", "skipped",
    },
    "properties": set(), "property": {"name", "value"},
    "testcase": {"name", "classname", "time"},
    "failure": {"message", "type"}, "error": {"message", "type"}, "skipped": {"message"},
    "system-out": set(), "system-err": set(),
}  # fmt: skip


def suite_of(document: Document, *, strict: bool = False) -> ElementTree.Element:
    root = ElementTree.fromstring(render_junit(document, strict=strict))
    for node in root.iter():
        assert set(node.attrib) <= ALLOWED[node.tag], node.tag
    assert root.tag == "testsuites"
    (suite,) = root
    order = [node.tag for node in suite]
    assert order == sorted(order, key=["properties", "testcase", "system-out", "system-err"].index)
    for name, path in (
        ("tests", "testcase"),
        ("failures", ".//failure"),
        ("errors", ".//error"),
        ("skipped", ".//skipped"),
    ):
        assert int(suite.attrib[name]) == int(root.attrib[name]) == len(suite.findall(path))
    return suite


def missed() -> Document:
    document = full_document()
    document["kpis"][6].update(
        {"status": "fail", "value": 4.5, "interval": [4.4, 4.6], "evidence": "at most 4.6 | <b>"}
    )
    return document


def test_a_testcase_for_each_kpi_and_one_for_the_run() -> None:
    document = full_document()
    suite = suite_of(document)
    names = [case.attrib["name"] for case in suite.findall("testcase")]
    assert names == ["the run could be judged", *(kpi["title"] for kpi in document["kpis"])]
    assert suite.attrib["timestamp"] == "2026-11-22T03:04:05"
    assert suite.attrib["time"] == "24.000"
    assert {one.attrib["name"]: one.attrib["value"] for one in suite.iter("property")}["scenario"] == "hybrid"
    assert suite.findtext("system-out") == "No target missed: 3 proven, 5 not proven yet"
    assert "2x u3 dtls_connected: <script>" in (suite.findtext("system-err") or "")


def test_a_missed_target_fails_with_its_figures() -> None:
    suite = suite_of(missed())
    (failure,) = suite.iter("failure")
    assert failure.attrib["message"] == "4.50, target ≥ 4.70: at most 4.6 | <b>"
    assert "90 % interval: 4.40 – 4.60" in (failure.text or "")
    assert "target: ≥ 4.70 at 6m" in (failure.text or "")


@pytest.mark.parametrize(("strict", "errors", "skipped"), [(False, 0, 12), (True, 5, 7)])
def test_what_is_not_decided_is_skipped_or_an_error(strict: bool, errors: int, skipped: int) -> None:
    suite = suite_of(full_document(), strict=strict)
    assert (int(suite.attrib["errors"]), int(suite.attrib["skipped"])) == (errors, skipped)


def test_a_run_that_can_not_be_relied_on_is_an_error() -> None:
    (error,) = suite_of(full_document(health=BUSY)).iter("error")
    assert error.attrib["message"] == "No verdict: the generator can't be trusted"
    assert "event-loop lag p99 220 ms, limit 50 ms" in (error.text or "")


def test_control_characters_stay_out() -> None:
    document = missed()
    document["kpis"][6]["title"] = "bell \x07 and \ud800 and \ufffe"
    document["errors"][0]["message"] = "\x00\x1b[31m"
    assert "bell   and   and  " in [case.attrib["name"] for case in suite_of(document).findall("testcase")]
