"""The meeting page as it is served: files, headers, nothing from elsewhere, and who is told which rooms there are."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import aiohttp
import pytest

from sfu_shim.config import ShimConfig
from sfu_shim.page_routes import FOLDER, MAX_ROOMS, security_headers
from sfu_shim.server import ShimServer
from tests.sfu_shim.client import Signalling

FILES = sorted(path.name for path in FOLDER.iterdir() if path.suffix in (".css", ".js"))


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        yield session


@pytest.fixture
async def server(request: pytest.FixtureRequest) -> AsyncIterator[str]:
    """Its ws:// URL. A test may give it a token."""
    shim = ShimServer(ShimConfig(port=0, token=getattr(request, "param", "")))
    yield await shim.start()
    await shim.stop()


def http(url: str, path: str) -> str:
    return url.replace("ws://", "http://").removesuffix("/ws") + path


async def test_the_page_is_at_the_door_and_in_every_room(session: aiohttp.ClientSession, server: str) -> None:
    answers = []
    for path in ("/", "/meet/standup", "/meet/a%20room"):
        async with session.get(http(server, path)) as answer:
            assert (answer.status, answer.content_type, answer.charset) == (200, "text/html", "utf-8")
            answers.append(await answer.text())
    assert answers == [(FOLDER / "index.html").read_text()] * 3


@pytest.mark.parametrize("name", FILES)
async def test_its_files_are_served_as_what_they_are(session: aiohttp.ClientSession, server: str, name: str) -> None:
    async with session.get(http(server, f"/page/{name}")) as answer:
        assert answer.status == 200
        assert answer.content_type == ("text/css" if name.endswith(".css") else "text/javascript")
        assert await answer.read() == (FOLDER / name).read_bytes()
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "path", ["/page/", "/page/none.js", "/page/..%2Fserver.py", "/page/index.html", "/meet/", "/meet/a/b"]
)
async def test_nothing_else_is(session: aiohttp.ClientSession, server: str, path: str) -> None:
    async with session.get(http(server, path)) as answer:
        assert answer.status == 404


async def test_the_policy_allows_the_pages_own_files_and_its_socket(
    session: aiohttp.ClientSession, server: str
) -> None:
    async with session.get(http(server, "/")) as answer:
        policy = dict(part.strip().split(" ", 1) for part in answer.headers["Content-Security-Policy"].split(";"))
        host = f"{answer.url.host}:{answer.url.port}"
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == "'self'"
    assert policy["connect-src"] == f"'self' ws://{host} wss://{host}"
    assert policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == "'none'"
    assert "unsafe" not in str(policy)


@pytest.mark.parametrize("host", ["a; script-src *", "a b", "", "x" * 300, "a\n"])
def test_a_strange_host_gets_nothing_into_the_policy(host: str) -> None:
    policy = security_headers(host)["Content-Security-Policy"]
    assert "connect-src 'self';" in policy
    assert "*" not in policy


def test_nothing_comes_from_elsewhere() -> None:
    for path in FOLDER.iterdir():
        text = path.read_text()
        assert not re.search(r"https?://[a-z]|//[a-z-]+\.[a-z]+/|@import|url\(", text.replace("https:// and", "")), path


def test_nothing_is_inline() -> None:
    page = (FOLDER / "index.html").read_text()
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\bstyle=|\son\w+=", page)
    named = re.findall(r'(?:src|href)="(/page/[^"]+)"', page)
    assert {name.removeprefix("/page/") for name in named} <= set(FILES)
    for path in FOLDER.glob("*.js"):
        assert not re.search(r"innerHTML|insertAdjacentHTML|document\.write|\beval\(", path.read_text()), path


async def test_rooms_and_names_are_listed(session: aiohttp.ClientSession, server: str) -> None:
    async with session.get(http(server, "/rooms")) as answer:
        assert await answer.json() == {"rooms": [], "unlisted": 0}
    client = Signalling(session)
    me = (await client.join(server, "stand up")).participant
    room = {"room": "stand up", "topology": "p2p", "members": {me: ""}}
    async with session.get(http(server, "/rooms")) as answer:
        assert await answer.json() == {"rooms": [room], "unlisted": 0}
    async with session.get(http(server, "/rooms/stand%20up")) as answer:
        assert await answer.json() == room
        assert answer.headers["Cache-Control"] == "no-cache"
    async with session.get(http(server, "/rooms/none")) as answer:
        assert await answer.json() == {"room": "none", "topology": None, "members": {}}
    await client.socket.close()


@pytest.mark.parametrize("server", ["secret"], indirect=True)
@pytest.mark.parametrize("path", ["/rooms", "/rooms/a"])
async def test_who_has_no_token_learns_nothing(session: aiohttp.ClientSession, server: str, path: str) -> None:
    for headers, status in (
        ({}, 401),
        ({"Authorization": "Bearer wrong"}, 401),
        ({"Authorization": "Bearer ü"}, 401),
        ({"Authorization": "Bearer secret"}, 200),
    ):
        async with session.get(http(server, path), headers=headers) as answer:
            assert answer.status == status
    async with session.get(http(server, "/")) as answer:  # the page itself tells nothing
        assert answer.status == 200


async def test_more_rooms_than_a_page_lists_are_counted(session: aiohttp.ClientSession, server: str) -> None:
    clients = [Signalling(session) for _ in range(MAX_ROOMS + 2)]
    for number, client in enumerate(clients):
        await client.join(server, f"r{number:03}")
    async with session.get(http(server, "/rooms")) as answer:
        found = await answer.json()
    assert (len(found["rooms"]), found["unlisted"]) == (MAX_ROOMS, 2)
    for client in clients:
        await client.socket.close()
