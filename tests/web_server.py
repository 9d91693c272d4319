"""An aiohttp application of a test's own, on a free port of loopback."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web


@asynccontextmanager
async def web_server(
    app: web.Application, *, tls: ssl.SSLContext | None = None, patience: float = 0.1
) -> AsyncIterator[int]:
    """Gives the port. At the end, requests that are under way have `patience` seconds."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=patience)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


def answering(handle: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> web.Application:
    """One that hands every request, whatever its method and path, to `handle`."""
    app = web.Application()
    app.router.add_route("*", "/{any:.*}", handle)
    return app
