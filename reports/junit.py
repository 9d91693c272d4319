"""The report as JUnit XML, the form that CI systems show as tests: a testcase for each target.

The shape is the common subset of the schemas of Jenkins and Ant (windyroad JUnit.xsd): testsuites, testsuite with its
counts, properties, testcases, system-out and system-err, in this order.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from reports.document import Document
from reports.words import headline, interval, plain, show, target

_HEALTHY = "the run could be judged"


def render_junit(document: Document, *, strict: bool = False) -> str:
    """A testcase per KPI, its figures in the failure's text, and one for whether the run could be judged at all. What is not
    judged is skipped; so is what is not decided, unless `strict`: then it is an error."""
    run, kpis = document["run"], document["kpis"]
    root = Element("testsuites", name="meetprobe")
    suite = SubElement(root, "testsuite", _suite(run))
    properties = SubElement(suite, "properties")
    for name in ("id", "scenario", "target", "targets", "horizon", "version", "duration_seconds", "interrupted"):
        SubElement(properties, "property", name=name, value=plain(run[name]))
    _add_run(suite, document)
    for kpi in kpis:
        _add_kpi(suite, kpi, f"meetprobe.{plain(run['targets'])}", strict)
    SubElement(suite, "system-out").text = headline(document)[1]
    said = [f"{one['count']}x {one['who']} {one['phase']}: {one['message']}" for one in document["errors"]]
    SubElement(suite, "system-err").text = "\n".join(map(plain, said))
    for node in (suite, root):
        _count(node, suite)
    indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{tostring(root, encoding="unicode")}\n'


def _suite(run: dict[str, Any]) -> dict[str, str]:
    """The schema's time stamps have no zone: they are UTC."""
    named = {"name": f"meetprobe {plain(run['scenario'])}", "package": "meetprobe", "id": "0", "hostname": "localhost"}
    try:
        began = datetime.fromisoformat(run["started_at"]).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
    except ValueError:
        began = "1970-01-01T00:00:00"
    return {**named, "timestamp": began, "time": f"{run['duration_seconds']:.3f}"}


def _add_run(suite: Element, document: Document) -> None:
    """Our bug, an untrustworthy generator and a run that measured nothing are errors: nobody's promise was broken."""
    case = SubElement(suite, "testcase", name=_HEALTHY, classname="meetprobe.run", time="0")
    verdict, health = document["verdict"], document["health"]
    if verdict["exit_code"] == 1 or not verdict["measured"] or not health["trustworthy"]:
        told = [headline(document)[1], *health["reasons"]]
        SubElement(case, "error", message=plain(told[0]), type="run").text = "\n".join(map(plain, told))


def _add_kpi(suite: Element, kpi: dict[str, Any], classname: str, strict: bool) -> None:
    case = SubElement(suite, "testcase", name=plain(kpi["title"]), classname=classname, time="0")
    status, message = kpi["status"], plain(kpi["evidence"])
    if status == "fail":
        message = f"{show(kpi['value'], kpi['unit'])}, target {target(kpi)}: {message}"
        SubElement(case, "failure", message=message, type="target missed").text = _figures(kpi)
    elif status == "inconclusive" and strict:
        SubElement(case, "error", message=message, type="not proven").text = _figures(kpi)
    elif status != "pass":
        SubElement(case, "skipped", message=message)


def _figures(kpi: dict[str, Any]) -> str:
    rows = {
        "kpi": kpi["kpi"],
        "metric": f"{kpi['metric']} ({kpi['aggregate']})",
        "measured": show(kpi["value"], kpi["unit"]),
        "90 % interval": interval(kpi),
        "target": f"{target(kpi)} at {kpi['horizon']}",
        "count": kpi["count"],
        "evidence": kpi["evidence"],
    }
    return "\n".join(f"{name}: {plain(value)}" for name, value in rows.items())


def _count(node: Element, suite: Element) -> None:
    kinds = (
        ("tests", "testcase"),
        ("failures", "testcase/failure"),
        ("errors", "testcase/error"),
        ("skipped", "testcase/skipped"),
    )
    for name, path in kinds:
        node.set(name, str(len(suite.findall(path))))
    node.set("time", suite.get("time", "0"))
