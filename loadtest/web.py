"""What Locust's web UI gains: a *WebRTC* tab, the same page at `/webrtc`, its data and downloads, and a checked start form.

Locust renders an extra tab as a table of our figures and no more, so a script puts the page into the tab, where charts fit
too. If Locust's markup changes, the table and the links beside Locust's own downloads remain.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, jsonify, request, send_from_directory

from loadtest.arguments import GUARDED
from loadtest.live_view import LiveView, rows_of
from loadtest.settings import parse_duration, settings_of
from probe.model.errors import ConfigError
from reports.csvout import render_csv
from reports.document import Document
from reports.html import render_html
from reports.jsonout import to_json

if TYPE_CHECKING:
    from locust.env import Environment
    from locust.web import WebUI

    from loadtest.master import Master

View = Callable[[], Any]
PAGES = Path(__file__).parent / "pages"
TAB = "webrtc"
NOTHING_YET = "There is no campaign yet: start one, then ask again.\n"

_MOUNT = '<script type="module" src="./webrtc/files/mount.js"></script>'
_POLICY = "default-src 'self'; img-src 'self' data:; frame-ancestors 'self'"
_STRUCTURE = [
    {"key": "figure", "title": "Figure"},
    {"key": "measured", "title": "Measured"},
    {"key": "target", "title": "Target"},
    {"key": "status", "title": "Status"},
]
_DOWNLOADS = [
    {"href": "./webrtc", "title": "WebRTC: live page"},
    {"href": "./webrtc/report.html", "title": "WebRTC: report, HTML"},
    {"href": "./webrtc/report.json", "title": "WebRTC: report, JSON"},
    {"href": "./webrtc/kpis.csv", "title": "WebRTC: scorecard, CSV"},
]


def install(environment: Environment, master: Master) -> None:
    """Add all of it to `environment.web_ui`, before that answers its first request."""
    web_ui = environment.web_ui
    if web_ui is None or web_ui.app is None:
        raise ValueError("this Locust has no web UI to add to")
    guard, live = _guard(web_ui), LiveView(master)
    base = web_ui.app.blueprints["locust"].url_prefix or ""
    web_ui.app.register_blueprint(_blueprint(guard, master, live, base))
    web_ui.app.before_request(_start_check(environment, guard, master))
    web_ui.app.after_request(_adorn(live))
    for key, entries in (
        ("extended_tabs", [{"title": "WebRTC", "key": TAB}]),
        ("extended_tables", [{"key": TAB, "structure": _STRUCTURE}]),
        ("extended_csv_files", _DOWNLOADS),
    ):
        web_ui.template_args[key] = [*web_ui.template_args.get(key, ()), *entries]


def _guard(web_ui: WebUI) -> Callable[[View], View]:
    """Asks for the login that `--web-login` wants, as Locust's own pages do."""
    guard: Callable[[View], View] = web_ui.auth_required_if_enabled
    return guard


def _blueprint(guard: Callable[[View], View], master: Master, live: LiveView, base: str) -> Blueprint:
    blueprint = Blueprint("webrtc", __name__, url_prefix=f"{base}/webrtc")

    @blueprint.route("")
    @guard
    def page() -> Response:
        response = send_from_directory(PAGES, "webrtc.html", max_age=0)
        response.headers["Content-Security-Policy"] = _POLICY
        return response

    @blueprint.route("/files/<path:name>")
    def files(name: str) -> Response:
        return send_from_directory(PAGES, name, max_age=0)

    @blueprint.route("/live")
    @guard
    def live_view() -> Response:
        found = jsonify(live.get())
        found.headers["Cache-Control"] = "no-store"
        return found

    _add_downloads(blueprint, guard, master)
    return blueprint


def _add_downloads(blueprint: Blueprint, guard: Callable[[View], View], master: Master) -> None:
    for name, mimetype, render in (
        ("report.json", "application/json", to_json),
        ("report.html", "text/html", render_html),
        ("kpis.csv", "text/csv", render_csv),
    ):
        view = guard(_download(master, name, mimetype, render))
        blueprint.add_url_rule(f"/{name}", endpoint=name.replace(".", "_"), view_func=view)


def _download(master: Master, name: str, mimetype: str, render: Callable[[Document], str]) -> Callable[[], Response]:
    """The view of one rendering of the report so far: as a file, but pages open in the browser."""

    def view() -> Response:
        campaign = master.campaign
        if campaign is None:
            return Response(NOTHING_YET, status=409, mimetype="text/plain")
        document = campaign.document()
        response = Response(render(document), mimetype=mimetype)
        if mimetype != "text/html":
            response.headers.set("Content-Disposition", "attachment", filename=f"{document['run']['id']}-{name}")
        return response

    return view


def _start_check(environment: Environment, guard: Callable[[View], View], master: Master) -> Callable[[], Any]:
    """Runs before Locust's own handling of the start form, which would take any text for an option."""

    def check() -> Response | None:
        try:
            check_start(environment, master, request.form.to_dict())
        except ConfigError as error:
            return jsonify({"success": False, "message": str(error), "host": environment.host})
        return None

    guarded = guard(check)
    return lambda: guarded() if request.endpoint == "locust.swarm" else None


def check_start(environment: Environment, master: Master, form: dict[str, str]) -> None:
    """Raises ConfigError for what the form asks and can't have, the options that guard a campaign first of all. A user count
    or rate that is no number is left to Locust's own message."""
    for name in GUARDED:
        if name in form:
            option = f"--{name.replace('_', '-')}"
            raise ConfigError("can't be set from the web interface", who=option, hint="start Locust with it")
    options = vars(environment.parsed_options) if environment.parsed_options else {}
    host = form.get("host", environment.host)
    asked = SimpleNamespace(**{**options, **form})
    settings_of(asked, host)
    users = _number(form.get("user_count", options.get("num_users")))
    rate = _number(form.get("spawn_rate", options.get("spawn_rate")))
    run_time = parse_duration(form.get("run_time", ""))
    if users is not None and rate is not None:
        master.check(int(users), rate, run_time, host, asked)


def _number(written: object) -> float | None:
    try:
        return float(str(written))
    except ValueError:
        return None


def _adorn(live: LiveView) -> Callable[[Response], Response]:
    def adorn(response: Response) -> Response:
        if request.endpoint == "locust.request_stats" and response.is_json:
            stats = response.get_json()
            others = [entry for entry in stats.get("extended_stats", ()) if entry["key"] != TAB]
            stats["extended_stats"] = [*others, {"key": TAB, "data": rows_of(live.get())}]
            response.set_data(json.dumps(stats))
        if request.endpoint == "locust.index" and response.mimetype == "text/html":
            response.set_data(response.get_data(as_text=True).replace("</body>", f"{_MOUNT}</body>"))
        return response

    return adorn
