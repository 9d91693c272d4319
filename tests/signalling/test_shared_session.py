"""All participants of a loop share a session: opened with the first, closed with the last, and nothing else of theirs."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from probe.model.errors import ProtocolError, ServerUnreachable
from probe.signalling import shared_session
from probe.signalling.access import Access
from probe.signalling.shared_session import SessionLoan, environment_matters, own_session
from probe.signalling.shim import ShimSignalling
from tests.web_server import answering, web_server


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("http_proxy", "https_proxy", "ws_proxy", "wss_proxy", "all_proxy", "no_proxy", "ftp_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.delenv("NETRC", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


async def test_the_session_lives_from_the_first_to_the_last() -> None:
    first, second = SessionLoan(), SessionLoan()
    session = first.session
    assert second.session is session
    await first.give_back()
    await first.give_back()
    assert not session.closed
    await second.give_back()
    assert session.closed
    third = SessionLoan()
    assert third.session is not session
    await third.give_back()


def test_every_loop_has_its_own() -> None:
    async def borrow() -> object:
        loan = SessionLoan()
        session = loan.session
        await loan.give_back()
        return session

    assert asyncio.run(borrow()) is not asyncio.run(borrow())
    assert len(shared_session._shared) == 0


async def test_who_fails_to_connect_leaves_nothing_behind() -> None:
    other = SessionLoan()
    way = ShimSignalling("ws://127.0.0.1:9", Access())
    with pytest.raises(ServerUnreachable):
        await way.connect()
    assert not other.session.closed
    await other.give_back()
    assert other.session.closed


async def test_participants_share_neither_connection_nor_cookies() -> None:
    ports: list[int] = []
    cookies: list[dict[str, str]] = []

    async def refuse(request: web.Request) -> web.Response:
        assert request.transport is not None
        ports.append(request.transport.get_extra_info("peername")[1])
        cookies.append(dict(request.cookies))
        response = web.Response(status=200)
        response.set_cookie("who", "first")
        return response

    keep = SessionLoan()
    async with web_server(answering(refuse)) as port:
        for _ in range(2):
            async with keep.session.get(f"http://127.0.0.1:{port}") as response:
                await response.read()
    await keep.give_back()
    assert len(set(ports)) == 2
    assert cookies == [{}, {}]


@pytest.mark.parametrize("name", ["http_proxy", "HTTPS_PROXY", "no_proxy", "NETRC"])
def test_a_proxy_or_a_netrc_in_the_environment_matters(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not environment_matters()
    monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert environment_matters()


def test_a_netrc_at_home_matters(tmp_path: Path) -> None:
    (tmp_path / ".netrc").write_text("machine x login y password z\n")
    assert environment_matters()


async def test_a_proxy_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    async def proxy(request: web.Request) -> web.Response:
        asked.append(request.path_qs)
        return web.Response(status=502)

    async with web_server(answering(proxy)) as port:
        monkeypatch.setenv("ws_proxy", f"http://127.0.0.1:{port}")
        way = ShimSignalling("ws://meet.invalid/ws", Access())
        with pytest.raises(ProtocolError, match="502"):
            await way.connect()
    assert asked == ["/ws"]


async def test_a_session_of_ones_own_keeps_its_connections_and_is_shared_with_nobody() -> None:
    loan, ours = SessionLoan(), own_session()
    assert ours is not loan.session
    assert isinstance(ours.connector, aiohttp.TCPConnector)
    assert not ours.connector.force_close
    assert len(list(ours.cookie_jar)) == 0
    await ours.close()
    assert not loan.session.closed
    await loan.give_back()
