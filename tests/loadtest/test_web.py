"""What is added to Locust's web application, on a stand-in for it: the real one patches the whole process (see test_web_ui)."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from functools import wraps
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Blueprint, Flask, Response, jsonify
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from loadtest.web import NOTHING_YET, PAGES, install
from probe.model.errors import ConfigError
from reports.jsonout import to_json
from tests.loadtest.made_up import HOST, campaign_after, options

SHORT = 60.0
FORM = {"user_count": "60", "spawn_rate": "10", "run_time": "1m", "host": HOST}


class Ui:
    """As `locust.web.WebUI`: a Flask application with a blueprint, and a decorator that asks for a login."""

    def __init__(self, base: str | None = None) -> None:
        self.app = Flask(__name__)
        self.template_args: dict[str, Any] = {"extended_tabs": [{"title": "Theirs", "key": "theirs"}]}
        self.signed_in = True
        self.swarmed: list[bool] = []
        theirs = Blueprint("locust", __name__, url_prefix=base)
        theirs.add_url_rule("/", "index", lambda: "<html><body><div id='root'></div></body></html>")
        theirs.add_url_rule("/swarm", "swarm", self._swarm, methods=["POST"])
        theirs.add_url_rule("/stats/requests", "request_stats", self._stats)
        self.app.register_blueprint(theirs)

    def _swarm(self) -> Response:
        self.swarmed.append(True)
        return jsonify({"success": True, "message": "Swarming started"})

    def _stats(self) -> Response:
        return jsonify({"stats": [], "extended_stats": [{"key": "theirs", "data": []}]})

    def auth_required_if_enabled(self, view: Callable[[], Any]) -> Callable[[], Any]:
        @wraps(view)
        def guarded() -> Any:
            return view() if self.signed_in else Response("sign in", status=401)

        return guarded


class Master:
    """As `loadtest.master.Master`: what it was asked, and its answer."""

    def __init__(self, campaign: Any = None) -> None:
        self.campaign = campaign
        self.asked: list[tuple[Any, ...]] = []
        self.refusal: ConfigError | None = None

    def check(self, users: int, rate: float, run_time: float | None, host: str | None, options: object) -> None:
        self.asked.append((users, rate, run_time, host))
        self.options = vars(options)
        if self.refusal:
            raise self.refusal


class Site:
    """All of it, with a client."""

    def __init__(self, master: Master, base: str | None = None) -> None:
        self.master, self.ui = master, Ui(base)
        self.environment: Any = SimpleNamespace(web_ui=self.ui, host=None, parsed_options=options())
        install(self.environment, master)  # type: ignore[arg-type]
        self._client: FlaskClient = self.ui.app.test_client()

    def get(self, path: str) -> TestResponse:
        return self._client.get(path, buffered=True)  # files are read to their end and closed

    def post(self, form: dict[str, str]) -> TestResponse:
        return self._client.post("/swarm", data=form)

    def swarm(self, **changes: str) -> dict[str, Any]:
        answer = self.post({**FORM, **changes})
        assert answer.status_code == 200
        found: dict[str, Any] = answer.get_json()
        return found


@pytest.fixture(scope="module")
def running() -> Site:
    return Site(Master(campaign_after(SHORT)))


@pytest.fixture
def idle() -> Site:
    return Site(Master())


def test_the_tab_stands_beside_those_of_others(idle: Site) -> None:
    told = idle.ui.template_args
    assert told["extended_tabs"] == [{"title": "Theirs", "key": "theirs"}, {"title": "WebRTC", "key": "webrtc"}]
    assert [column["title"] for column in told["extended_tables"][0]["structure"]] == [
        "Figure", "Measured", "Target", "Status",
    ]  # fmt: skip
    for link in told["extended_csv_files"]:
        assert idle.get(link["href"].removeprefix(".")).status_code in (200, 409)


def test_before_the_first_campaign(idle: Site) -> None:
    assert idle.get("/webrtc/live").get_json() == {"campaign": None, "state": "waiting"}
    assert idle.get("/stats/requests").get_json()["extended_stats"][1] == {"key": "webrtc", "data": []}
    for name in ("report.json", "report.html", "kpis.csv"):
        answer = idle.get(f"/webrtc/{name}")
        assert (answer.status_code, answer.get_data(as_text=True)) == (409, NOTHING_YET)


def test_live_is_the_campaigns_own_view(running: Site) -> None:
    answer = running.get("/webrtc/live")
    assert answer.headers["Cache-Control"] == "no-store"
    live = answer.get_json()
    own = running.master.campaign.live()
    assert {key: live[key] for key in own} == json.loads(json.dumps(own))
    assert (live["participants"], live["state"]) == (60, "running")
    assert live["headline"]["status"] in ("pass", "fail", "inconclusive")
    assert live["limits"]["loop_lag_p99_seconds"] == 0.05


def test_downloads_are_the_report_so_far(running: Site) -> None:
    document = running.master.campaign.document()
    found = running.get("/webrtc/report.json")
    assert found.get_data(as_text=True) == to_json(document)
    assert found.headers["Content-Disposition"] == "attachment; filename=load-2026-11-22-report.json"
    rows = list(csv.DictReader(io.StringIO(running.get("/webrtc/kpis.csv").get_data(as_text=True))))
    assert [row["kpi"] for row in rows] == [kpi["kpi"] for kpi in document["kpis"]]
    page = running.get("/webrtc/report.html")
    assert page.mimetype == "text/html"
    assert page.get_data(as_text=True).lower().startswith("<!doctype html>")
    assert "Content-Disposition" not in page.headers


def test_the_table_in_locusts_own_statistics(running: Site) -> None:
    stats = running.get("/stats/requests").get_json()
    assert [entry["key"] for entry in stats["extended_stats"]] == ["theirs", "webrtc"]
    rows = {row["figure"]: row for row in stats["extended_stats"][1]["data"]}
    assert rows["Participants now"]["measured"] == "60 (peak 60)"
    assert rows["Time to join a meeting"]["target"] == "≤ 10 s"
    assert rows["Time to join a meeting"]["status"] == "✓ met"
    assert {key for row in rows.values() for key in row} == {"figure", "measured", "target", "status"}


def test_a_page_asks_nobody_else(running: Site) -> None:
    answer = running.get("/webrtc")
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'self'")
    for path in sorted(PAGES.iterdir()):
        text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert "://" not in text, path.name
        assert running.get(f"/webrtc/files/{path.name}").status_code == 200
    assert running.get("/webrtc/files/../web.py").status_code == 404


def test_locusts_page_gets_the_script(idle: Site) -> None:
    page = idle.get("/").get_data(as_text=True)
    assert page.count('<script type="module" src="./webrtc/files/mount.js"></script></body>') == 1


def test_under_a_base_path() -> None:
    site = Site(Master(), base="/load")
    assert site.get("/load/webrtc/live").status_code == 200
    assert site.get("/webrtc/live").status_code == 404
    assert "./webrtc/files/mount.js" in site.get("/load/").get_data(as_text=True)


@pytest.mark.parametrize("path", ["", "/live", "/report.json", "/report.html", "/kpis.csv"])
def test_nothing_is_told_without_the_login(path: str) -> None:
    site = Site(Master(campaign_after(6.0)))
    site.ui.signed_in = False
    assert site.get(f"/webrtc{path}").status_code == 401
    assert site.post(FORM).status_code == 401
    assert not site.master.asked


def test_a_good_start_is_checked_and_passed_on(idle: Site) -> None:
    assert idle.swarm(shape="steps", step_users="20")["success"] is True
    assert idle.master.asked == [(60, 10.0, 60.0, HOST)]
    assert (idle.master.options["shape"], idle.master.options["step_users"]) == ("steps", "20")
    assert idle.environment.parsed_options.shape == "constant"  # Locust writes it there when it starts
    assert idle.ui.swarmed == [True]


def test_without_a_run_time_there_is_none(idle: Site) -> None:
    assert idle.swarm(run_time="")["success"] is True
    assert idle.master.asked == [(60, 10.0, None, HOST)]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"host": "http://127.0.0.1"}, "--host: can't enter a meeting at"),
        ({"participants": "many"}, "--participants: 'many' can't be"),
        ({"topology": "p2q"}, "--topology: unknown topology 'p2q'"),
        ({"stay": "0.1s"}, "--stay: '0.1s' can't be"),
        ({"allow_target": "example.org"}, "--allow-target: can't be set from the web interface (start Locust with it)"),
        ({"out": "/etc"}, "--out: can't be set from the web interface"),
    ],
)
def test_a_mistake_in_the_form_is_told_and_nothing_starts(idle: Site, changes: dict[str, str], told: str) -> None:
    answer = idle.swarm(**changes)
    assert answer["success"] is False
    assert answer["message"].startswith(told)
    assert not idle.ui.swarmed
    assert not idle.master.asked


def test_what_the_master_refuses_is_told(idle: Site) -> None:
    idle.master.refusal = ConfigError("2000 participants are more than the 1000 that may be", who="--users")
    answer = idle.swarm(user_count="2000")
    assert answer == {
        "success": False,
        "message": "--users: 2000 participants are more than the 1000 that may be",
        "host": None,
    }
    assert not idle.ui.swarmed


def test_numbers_that_are_none_are_left_to_locusts_own_message(idle: Site) -> None:
    assert idle.swarm(user_count="x")["success"] is True
    assert idle.ui.swarmed == [True]
    assert not idle.master.asked
