"""Requests beside the meetings, against endpoints that answer, refuse, hang and are not there."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from probe.engine import http_checks
from probe.engine.engine import Engine
from probe.engine.http_checks import HttpChecks, pause
from probe.engine.outcome import Outcome
from probe.engine.protocol import Setup
from probe.model.errors import ConfigError
from probe.model.http_check import HttpCheck
from probe.model.platform import Platform
from probe.model.scenario_files import parse_scenario
from probe.spool import Spool
from probe.stage import Contents
from tests import certificates
from tests.client.fakes import Bench
from tests.integration import servers
from tests.interop.party import until
from tests.signalling.test_whip import Answer, serving, status


def check(name: str, url: str, **told: Any) -> HttpCheck:
    return HttpCheck.model_validate({"name": name, "url": url, **told})


def outcomes(bench: Bench) -> dict[str, list[str]]:
    """How the calls of each check ended, in their order."""
    found: dict[str, list[str]] = {}
    for sample in bench.samples:
        if sample.metric == "http_error_ratio":
            assert sample.tags["source"] == "check"
            found.setdefault(sample.tags["call"], []).append("" if sample.value == 0.0 else "failed")
    for sample in bench.samples:
        if sample.metric == "http_error_class_ratio" and sample.value:
            name, _, kind = sample.tags["call"].partition(": ")
            found[name][found[name].index("failed")] = kind
    return found


async def asked(
    bench: Bench, platform: Platform, *checks: HttpCheck, environment: Mapping[str, str] | None = None
) -> None:
    """Each check once."""
    running = HttpChecks(bench.context, checks, platform, environment or {})
    running.start()
    await until(lambda: len(outcomes(bench)) == len(checks), "each check is told")
    await running.close()


async def test_each_check_is_asked_and_its_answer_counts_by_its_class() -> None:
    answers: dict[str, list[Answer]] = {
        "GET /ok": [status(200)],
        "GET /moved": [status(302, Location="/broken")],  # who asks is told where, and goes nowhere
        "GET /limited": [status(429)],
        "GET /broken": [status(500)],
        "GET /other": [status(204)],
        "GET /gone": [status(404)],
    }
    bench = Bench()
    async with serving(answers) as server:
        await asked(
            bench, Platform(url=server.url.replace("http:", "ws:")),
            check("ok", "/ok"), check("moved", "/moved"), check("limited", "/limited"), check("broken", "/broken"),
            check("other", "/other", expect=200), check("gone", "/gone", expect=404),
        )  # fmt: skip
    assert outcomes(bench) == {
        "check ok": [""], "check moved": [""], "check limited": ["4xx"], "check broken": ["5xx"],
        "check other": ["refused"], "check gone": [""],
    }  # fmt: skip
    limited = [sample for sample in bench.samples if sample.metric == "rate_limited_ratio" and sample.value]
    assert [sample.tags["call"] for sample in limited] == ["check limited"]
    assert {(phase, who) for phase, who, _ in bench.context.errors} == {
        ("check limited", ""), ("check broken", ""), ("check other", ""),
    }  # fmt: skip
    told = " | ".join(text for _, _, text in bench.context.errors)
    assert "HTTP 429, and 2xx, 3xx was expected (the platform limits the rate of requests" in told
    assert "HTTP 500, and 2xx, 3xx was expected (see the server's log)" in told
    assert "HTTP 204, and 200 was expected (is expect what the server should answer?)" in told


async def test_a_server_that_hangs_and_one_that_is_not_there_are_told_apart() -> None:
    bench = Bench()
    async with servers.mute_server() as mute:
        await asked(
            bench, Platform(url="ws://127.0.0.1"),
            check("hangs", mute.replace("ws:", "http:"), timeout=0.1),
            check("nobody", f"http://127.0.0.1:{await servers.unused_port()}/?key=secret"),
        )  # fmt: skip
    assert outcomes(bench) == {"check hangs": ["timeout"], "check nobody": ["unreachable"]}
    told = " | ".join(text for _, _, text in bench.context.errors)
    assert "no answer within 0.1 s" in told
    assert "is the server running" in told
    assert "secret" not in told
    assert not [sample for sample in bench.samples if sample.metric == "http_response_seconds"]


async def test_what_goes_out_is_what_was_written() -> None:
    bench = Bench()
    async with serving({"POST /search": [status(200)]}) as server:
        wanted = check(
            "search", "/search?q=1", method="POST", body={"a": 1}, token=True, headers_env={"If-Match": "KEY"}
        )
        await asked(bench, Platform(url=server.url, token="hush"), wanted, environment={"KEY": "mine"})
    (sent,) = server.asked
    assert (sent.path, sent.type, sent.body) == ("/search?q=1", "application/json", '{"a": 1}')
    assert (sent.token, sent.if_match) == ("Bearer hush", "mine")
    assert "hush" not in repr(bench.samples)


async def test_it_is_asked_again_when_it_is_due_and_no_more_after_the_end() -> None:
    bench = Bench()
    async with serving({"GET /": [status(200)]}) as server:
        often = check("often", "/").model_copy(update={"every": 0.02})
        running = HttpChecks(bench.context, [often], Platform(url=server.url), {})
        running.start()
        running.start()  # once is enough
        await until(lambda: len(server.asked) >= 3, "it is asked again")
        await running.close()
        await running.close()
        count = len(server.asked)
        running.start()
        await asyncio.sleep(0.05)
        assert len(server.asked) == count
    assert set(outcomes(bench)["check often"]) == {""}


async def test_it_is_asked_when_it_is_due_though_nobody_has_answered_yet() -> None:
    """Else a platform that hangs is asked least, and looks best, while it hangs."""

    async def hangs() -> web.Response:
        await asyncio.sleep(30)
        return status(200)

    bench = Bench()
    async with serving({"GET /": [hangs]}) as server:
        often = check("often", "/", timeout=0.2).model_copy(update={"every": 0.02})
        running = HttpChecks(bench.context, [often], Platform(url=server.url), {})
        running.start()
        await until(lambda: len(outcomes(bench).get("check often", [])) >= 5, "each of them is told")
        await running.close()
        assert len(server.asked) > len(outcomes(bench)["check often"])  # those under way count for nothing
    assert set(outcomes(bench)["check often"]) == {"timeout"}


@pytest.mark.parametrize(
    ("gone", "every", "expected"),
    [(0.0, 5.0, 5.0), (0.5, 5.0, 4.5), (5.0, 5.0, 5.0), (12.0, 5.0, 3.0), (4.9999999, 5.0, 5.0000001)],
)
def test_what_our_loop_slept_through_is_left_out_and_an_early_timer_counts_once(
    gone: float, every: float, expected: float
) -> None:
    assert pause(gone, every) == pytest.approx(expected)


async def test_a_request_that_is_under_way_at_the_end_counts_for_nothing() -> None:
    bench, thinking = Bench(), asyncio.Event()

    async def thinks() -> web.Response:
        thinking.set()
        await asyncio.sleep(30)
        return status(500)

    async with serving({"GET /": [thinks]}) as server:
        running = HttpChecks(bench.context, [check("slow", "/")], Platform(url=server.url), {})
        running.start()
        await thinking.wait()
        await running.close()
    assert bench.samples == []
    assert not bench.context.errors


async def test_a_bug_of_ours_is_told_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: object) -> int:
        raise KeyError("x")

    monkeypatch.setattr(http_checks, "_status", broken)
    bench = Bench()
    running = HttpChecks(bench.context, [check("it", "/")], Platform(url="ws://127.0.0.1"), {})
    running.start()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await running.close()
    assert [text.split(" at ")[0] for text in bench.context.crashes] == ["KeyError('x')"]
    assert bench.samples == []


def test_what_can_t_be_asked_is_told_before() -> None:
    with pytest.raises(ConfigError, match="none to send"):
        HttpChecks(Bench().context, [check("it", "/", token=True)], Platform(url="ws://127.0.0.1"), {})


async def test_it_trusts_whom_the_platform_is_trusted_by(tmp_path: Path) -> None:
    ca, certificate, key = certificates.make(tmp_path)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    async with serving({"GET /": [status(200)]}, tls) as server:
        url, told = server.url.replace("http:", "wss:"), []
        for platform in (Platform(url=url), Platform(url=url, ca=ca), Platform(url=url, insecure=True)):
            bench = Bench()
            await asked(bench, platform, check("it", "/"))
            told += outcomes(bench)["check it"]
    assert told == ["unreachable", "", ""]


def test_of_many_processes_the_first_asks(tmp_path: Path) -> None:
    def made(number: int) -> Engine:
        setup = Setup(
            scenario=parse_scenario({"name": "x", "http": [{"name": "it", "url": "/", "token": True}]}, source="test"),
            platform=Platform(url="ws://127.0.0.1"), number=number, of=2, stamp="x", epoch=0.0,
        )  # fmt: skip
        return Engine(setup, Bench().context, Contents(None, None), Spool(None), Outcome())

    made(2)
    with pytest.raises(ConfigError, match="none to send"):
        made(1)
