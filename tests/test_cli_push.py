"""`probe run --pushgateway`: what a gateway gets, read back by prometheus_client's parser, and what happens when there is none."""

from __future__ import annotations

import base64
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import parser as prometheus

from probe.cli_push import CONTENT_TYPE, VARIABLE, check_pushgateway, push
from probe.model.errors import ConfigError
from reports.openmetrics import pushgateway_path
from tests.reports.full import full_document
from tests.test_cli import Played, played, probe  # noqa: F401 - fixtures

# ruff: noqa: F811


class Gateway(http.server.ThreadingHTTPServer):
    """Keeps what it is sent. `status`, and `said`: how it answers; None: not at all, until the test is over."""

    daemon_threads = True
    status: int | None = 200
    said = b""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests: list[tuple[str, str, dict[str, str], bytes]] = []
        self.over = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(http.server.BaseHTTPRequestHandler):
    server: Gateway

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.requests.append((self.command, self.path, dict(self.headers), body))
        if self.server.status is None:
            self.server.over.wait(10)
            return
        self.send_response(self.server.status)
        self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", str(len(self.server.said)))
        self.end_headers()
        self.wfile.write(self.server.said)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    with Gateway() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        yield server
        server.over.set()
        server.shutdown()
        thread.join(5)


def test_the_figures_of_the_service_take_the_place_of_the_last_ones(gateway: Gateway) -> None:
    document = full_document()
    document["run"]["target"] = "wss://meet.example/ws"
    assert push(document, f"{gateway.url}/")
    [(method, path, headers, body)] = gateway.requests
    assert (method, path) == ("PUT", pushgateway_path(document))
    assert path.split("/")[6:] == ["target@base64", base64.urlsafe_b64encode(b"wss://meet.example/ws").decode()]
    assert headers["Content-Type"] == CONTENT_TYPE
    assert "Authorization" not in headers
    families = {family.name: family for family in prometheus.text_string_to_metric_families(body.decode())}
    [code] = families["meetprobe_verdict_exit_code"].samples
    assert code.value == document["verdict"]["exit_code"]
    assert code.timestamp is None
    assert families["meetprobe_run_join_duration_seconds"].type == "summary"


def test_a_run_pushes_and_a_prefix_stays(gateway: Gateway, played: Played, probe: Any) -> None:
    ended = probe("run", "--json", "--pushgateway", f"{gateway.url}/push")
    assert (ended.code, ended.document["verdict"]["pass"]) == (0, 3)
    [(_, path, _, _)] = gateway.requests
    assert path == "/push" + pushgateway_path(ended.document)


def test_the_environment_may_have_the_password_and_nobody_is_told(
    gateway: Gateway, played: Played, probe: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(VARIABLE, gateway.url.replace("//", "//me:s%40cret@"))
    gateway.status, gateway.said = 400, b"pushed metrics are invalid\n"
    ended = probe("run", "--out", tmp_path / "out")
    assert ended.code == 0
    [(_, path, headers, _)] = gateway.requests
    assert base64.b64decode(headers["Authorization"].removeprefix("Basic ")) == b"me:s@cret"
    assert f"not pushed to {gateway.url}: it answered 400 Bad Request: pushed metrics are invalid" in ended.err
    files = "".join(file.read_text(encoding="utf-8") for file in (tmp_path / "out").iterdir())
    assert not any("s@cret" in text or "s%40cret" in text for text in (ended.out, ended.err, files, path))


@pytest.mark.parametrize("status", [307, 404, 500])
def test_what_is_not_taken_is_told(gateway: Gateway, status: int, capsys: pytest.CaptureFixture[str]) -> None:
    gateway.status = status
    assert not push(full_document(), gateway.url)
    assert len(gateway.requests) == 1, "a redirect would take the password elsewhere"
    assert f"it answered {status}" in capsys.readouterr().err


def test_nobody_there_costs_the_run_nothing(played: Played, probe: Any) -> None:
    ended = probe("run", "--pushgateway", "http://127.0.0.1:9")
    assert ended.code == 0
    assert ended.out.startswith("✓ No target missed")
    assert "✗ --pushgateway: pushgateway: not pushed to http://127.0.0.1:9: " in ended.err


def test_silence_has_an_end(gateway: Gateway, capsys: pytest.CaptureFixture[str]) -> None:
    gateway.status = None
    assert not push(full_document(), gateway.url, 0.2)
    assert "no answer within 0.2 s" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("localhost:9091", "no address of a Pushgateway"),
        ("ftp://localhost", "no address of a Pushgateway"),
        ("http://", "no address of a Pushgateway"),
        ("http://localhost:99999", "no address of a Pushgateway"),
        ("http://localhost/?token=s3cret", "no address of a Pushgateway"),
        ("http://me:s3cret@localhost:9091", "don't belong on the command line"),
    ],
)
def test_wrong_addresses_are_found_before_the_run(played: Played, probe: Any, url: str, said: str) -> None:
    ended = probe("run", "--pushgateway", url)
    assert (ended.code, played.options) == (2, None)
    assert said in ended.err
    assert "s3cret" not in ended.err


def test_credentials_of_the_environment_are_of_that_url_only() -> None:
    url = "http://me:secret@localhost:9091"
    check_pushgateway(url, {VARIABLE: url})
    with pytest.raises(ConfigError, match="command line"):
        check_pushgateway(url, {VARIABLE: "http://localhost:9091"})
