"""A scenario's own requests: what may be written, and what goes out for it."""

from __future__ import annotations

from typing import Any

import pytest

from probe.model.errors import ConfigError
from probe.model.http_check import HttpCheck, HttpRequest
from probe.model.platform import Platform
from probe.model.scenario import Scenario
from probe.model.scenario_files import parse_scenario

SHIM = Platform(url="ws://shim.example:8787/ws")


def checks(*told: dict[str, Any]) -> Scenario:
    return parse_scenario({"name": "x", "http": list(told)}, source="test.yaml")


def check(**told: Any) -> HttpCheck:
    return checks({"name": "it", "url": "/", **told}).http[0]


def test_a_name_and_a_path_are_enough() -> None:
    found = check(url="/healthz")
    assert (found.method, found.every, found.timeout, found.expect) == ("GET", 5.0, 5.0, ("2xx", "3xx"))
    assert found.request(SHIM, {}) == HttpRequest("GET", "http://shim.example:8787/healthz")


def test_times_may_have_their_unit() -> None:
    found = check(every="2.5s", timeout="1s")
    assert (found.every, found.timeout) == (2.5, 1.0)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"name": ""}, "http[0].name: '' "),
        ({"name": "with: colon"}, "http[0].name: 'with: colon' "),
        ({"url": "healthz"}, "http[0]: url: 'healthz' is neither http(s)://… nor a path from /"),
        ({"url": "ws://host/"}, "is neither http(s)://… nor a path"),
        ({"url": "//host/x"}, "is neither http(s)://… nor a path"),
        ({"url": "https:///x"}, "is neither http(s)://… nor a path"),
        ({"url": "https://me:secret@host/"}, "url: no user and password there; headers_env"),
        ({"url": "https://host:99999/"}, "Port out of range"),
        ({"method": "TRACE"}, "http[0].method: 'TRACE' is not one of"),
        ({"every": 0.5}, "http[0].every: 0.5 should be greater than or equal to 1"),
        ({"timeout": 0}, "http[0].timeout: 0 should be greater than 0"),
        ({"timeout": 61}, "http[0].timeout: 61 should be less than or equal to 60"),
        ({"expect": 99}, "99 is no status of HTTP: write 204, or 2xx for a class"),
        ({"expect": [200, "6xx"]}, "'6xx' is no status of HTTP"),
        ({"expect": True}, "True is no status of HTTP"),
        ({"expect": []}, "http[0].expect"),
        ({"body": "x"}, "body: a GET has none; give a method"),
        ({"headers_env": {"X Y": "KEY"}}, "'X Y' can't be the name of a header"),
        ({"headers": {"X": "secret"}}, "http[0].headers: unknown key, did you mean 'headers_env'?"),
        ({"token": "yes"}, "http[0].token: 'yes' should be a valid boolean"),
    ],
)
def test_a_mistake_says_where_and_what_is_right(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check(**fields)
    assert said in str(caught.value)
    assert "secret@" not in str(caught.value)


def test_names_are_there_once_and_there_are_not_too_many() -> None:
    with pytest.raises(ConfigError, match="http: two are called 'a'"):
        checks({"name": "a", "url": "/1"}, {"name": "a", "url": "/2"})
    with pytest.raises(ConfigError, match="http: "):
        checks(*({"name": f"n{number}", "url": "/"} for number in range(21)))


@pytest.mark.parametrize(
    ("platform", "url"),
    [
        ("ws://host:8787", "http://host:8787/x?y=1"),
        ("wss://host/ws?room=1", "https://host/x?y=1"),
        ("whip+https://host/whip/{room}", "https://host/x?y=1"),
        ("janus+wss://me:secret@[::1]:8188/?room=1", "https://[::1]:8188/x?y=1"),
        ("http://host/a/whep", "http://host/x?y=1"),
    ],
)
def test_a_path_is_found_at_the_platform_s_origin(platform: str, url: str) -> None:
    assert check(url="/x?y=1").request(Platform(url=platform), {}).url == url


def test_where_there_is_no_origin_a_whole_url_is_needed() -> None:
    elsewhere = Platform(url="round+quic://host/?token=secret")
    with pytest.raises(ConfigError, match=r"round\+quic://host/.* has no HTTP origin for the path '/x'") as caught:
        check(url="/x").request(elsewhere, {})
    assert "secret" not in str(caught.value)
    assert check(url="https://api/x").request(elsewhere, {}).url == "https://api/x"


@pytest.mark.parametrize(
    ("body", "type", "sent"),
    [
        ("text", "text/plain; charset=utf-8", b"text"),
        ({"query": ["a", 1]}, "application/json", b'{"query": ["a", 1]}'),
        ([1, 2], "application/json", b"[1, 2]"),
    ],
)
def test_a_body_that_is_no_text_goes_as_json(body: Any, type: str, sent: bytes) -> None:
    found = check(method="POST", body=body).request(SHIM, {})
    assert (found.headers["Content-Type"], found.body) == (type, sent)


def test_secrets_come_from_outside_and_are_not_shown() -> None:
    platform = Platform(url="ws://host", token="hush")
    wanted = check(token=True, headers_env={"X-Key": "KEY"}, body={"a": 1}, method="POST")
    found = wanted.request(platform, {"KEY": "mine"})
    assert dict(found.headers) == {"Content-Type": "application/json", "X-Key": "mine", "Authorization": "Bearer hush"}
    assert not [word for word in ("hush", "mine") if word in repr(found)]


@pytest.mark.parametrize(
    ("fields", "environment", "said"),
    [
        ({"token": True}, {}, "token: there is none to send (set MEETPROBE_TOKEN)"),
        ({"headers_env": {"X-Key": "KEY"}}, {}, "headers_env: the environment has no KEY (export KEY=…)"),
        ({"headers_env": {"X-Key": "KEY"}}, {"KEY": "a\r\nb"}, "KEY holds what no header may"),
    ],
)
def test_what_is_missing_is_told_before_anything_is_sent(
    fields: dict[str, Any], environment: dict[str, str], said: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        check(**fields).request(SHIM, environment)
    assert said in str(caught.value)
    assert "http check 'it'" in str(caught.value)


@pytest.mark.parametrize(
    ("expect", "good", "bad"),
    [
        (200, (200,), (201, 302, 404)),
        ([200, "4xx"], (200, 404, 429), (204, 500)),
        (("2xx", "3xx"), (200, 299, 302), (199, 400, 500)),
    ],
)
def test_what_is_expected(expect: Any, good: tuple[int, ...], bad: tuple[int, ...]) -> None:
    found = check(expect=expect)
    assert [found.expects(status) for status in (*good, *bad)] == [True] * len(good) + [False] * len(bad)


def test_checks_cross_a_pipe_as_they_are() -> None:
    scenario = checks(
        {"name": "a", "url": "/", "method": "POST", "body": {"x": 1}, "headers_env": {"K": "V"}, "expect": 200}
    )
    assert Scenario.model_validate_json(scenario.model_dump_json()) == scenario
