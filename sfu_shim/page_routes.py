"""The meeting page over HTTP: `/`, `/meet/{room}`, its files at `/page/…`, and who is in which room at `/rooms`.

Plain files without a build step. The policy allows what the page itself brings and its WebSocket, and nothing else.
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Awaitable, Callable
from pathlib import Path

from aiohttp import web

from sfu_shim.config import ShimConfig
from sfu_shim.core.room import Room
from sfu_shim.core.rooms import Rooms

FOLDER = Path(__file__).parent / "page"
MAX_ROOMS = 100
"""Rooms that are listed: a page is for people."""
_TYPES = {".css": "text/css", ".html": "text/html", ".js": "text/javascript"}
_HOST = re.compile(r"[A-Za-z0-9.:\[\]-]{1,255}\Z")

_Handler = Callable[[web.Request], Awaitable[web.Response]]


def add_routes(router: web.UrlDispatcher, config: ShimConfig, rooms: Rooms) -> None:
    """All of the page. `rooms` is looked at when somebody asks."""
    router.add_get("/", _file(FOLDER / "index.html"))
    router.add_get("/meet/{room}", _file(FOLDER / "index.html"))
    for path in sorted(FOLDER.glob("*.*")):
        if path.suffix in (".css", ".js"):
            router.add_get(f"/page/{path.name}", _file(path))
    router.add_get("/rooms", _guarded(config, lambda request: _listed(rooms)))
    router.add_get("/rooms/{room}", _guarded(config, lambda request: _one(rooms, request.match_info["room"])))


def security_headers(host: str) -> dict[str, str]:
    """For every answer. `host` is the request's: older Firefox does not count a WebSocket to the page's own host as 'self'."""
    sockets = f" ws://{host} wss://{host}" if _HOST.match(host) else ""
    policy = (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; media-src 'self' blob: mediastream:; "
        f"connect-src 'self'{sockets}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return {
        "Content-Security-Policy": policy,
        "Permissions-Policy": "camera=(self), microphone=(self), display-capture=(), geolocation=()",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-cache",
    }


def _file(path: Path) -> _Handler:
    body, content_type = path.read_bytes(), _TYPES[path.suffix]

    async def answer(request: web.Request) -> web.Response:
        return web.Response(
            body=body, content_type=content_type, charset="utf-8", headers=security_headers(request.host)
        )

    return answer


def _guarded(config: ShimConfig, describe: Callable[[web.Request], object]) -> _Handler:
    """What is told to those only who may come in: with a token, `Authorization: Bearer` has to bring it."""

    async def answer(request: web.Request) -> web.Response:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if config.token and not hmac.compare_digest(given.encode(), config.token.encode()):
            headers = security_headers(request.host) | {"WWW-Authenticate": "Bearer"}
            return web.json_response({"error": "the token is missing or wrong"}, status=401, headers=headers)
        return web.json_response(describe(request), headers=security_headers(request.host), dumps=json.dumps)

    return answer


def _listed(rooms: Rooms) -> object:
    names = sorted(rooms.names())
    return {
        "rooms": [_described(room) for name in names[:MAX_ROOMS] if (room := rooms.room(name)) is not None],
        "unlisted": max(0, len(names) - MAX_ROOMS),
    }


def _one(rooms: Rooms, name: str) -> object:
    room = rooms.room(name)
    return _described(room) if room is not None else {"room": name, "topology": None, "members": {}}


def _described(room: Room) -> dict[str, object]:
    """`members`: names by participant id, in order of joining."""
    return {"room": room.name, "topology": room.topology, "members": dict(room.members)}
