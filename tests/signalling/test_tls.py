"""TLS and proxies, as every adapter has them by its session: real certificates, a real tunnel."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from probe.model.errors import ServerUnreachable
from probe.model.platform import Platform
from probe.signalling.choose import open_signalling
from sfu_shim.core import protocol as p
from tests import certificates
from tests.integration import servers

WELCOME = p.Welcome(participant="u1", room="r", topology="sfu", members=(), ice_servers=(), p2p_limit=2)
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def _serving(serve: Serve, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Gives the port. Nobody is served any more when it ends."""
    busy: set[asyncio.Task[None]] = set()

    async def attend(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        finally:
            writer.transport.abort()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        busy.add(asyncio.ensure_future(attend(reader, writer)))

    server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        if busy:
            await asyncio.wait(busy, timeout=2.0)  # the client's goodbye is on its way
        for task in busy:
            task.cancel()
        await asyncio.gather(*busy, return_exceptions=True)


async def _both_ways(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int) -> None:
    """Carries bytes to a port of loopback and back, until either side ends."""
    there, back = await asyncio.open_connection("127.0.0.1", port)

    async def carry(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await source.read(1 << 16):
                sink.write(data)
                await sink.drain()

    ways = [asyncio.ensure_future(carry(reader, back)), asyncio.ensure_future(carry(there, writer))]
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
        back.transport.abort()


@pytest.fixture
async def secured(tmp_path: Path) -> AsyncIterator[tuple[int, Path]]:
    """A meeting server behind TLS: its port, and the file with the authority that vouches for it."""
    async with _secured(tmp_path, "localhost") as found:
        yield found


@asynccontextmanager
async def _secured(folder: Path, host: str) -> AsyncIterator[tuple[int, Path]]:
    ca, certificate, key = certificates.make(folder, host)
    async with servers.websocket_server(servers.says(p.encode(WELCOME))) as url:
        port = urlsplit(url).port
        assert port is not None

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await _both_ways(reader, writer, port)

        async with _serving(serve, certificates.server_context(certificate, key)) as secure:
            yield secure, ca


async def _enters(platform: Platform) -> str:
    way = open_signalling(platform)
    try:
        await way.connect()
        return (await way.join("r", "ann")).participant
    finally:
        await way.leave()


async def test_a_certificate_that_nobody_vouches_for_is_refused(secured: tuple[int, Path]) -> None:
    with pytest.raises(ServerUnreachable, match="certificate") as failure:
        await _enters(Platform(url=f"wss://127.0.0.1:{secured[0]}/ws"))
    assert "--ca" in failure.value.hint


async def test_an_authority_of_the_users_is_trusted(secured: tuple[int, Path]) -> None:
    port, ca = secured
    assert await _enters(Platform(url=f"wss://127.0.0.1:{port}/ws", ca=ca)) == "u1"
    assert await _enters(Platform(url=f"wss://localhost:{port}/ws", ca=ca)) == "u1"


async def test_a_certificate_for_another_name_is_refused(tmp_path: Path) -> None:
    async with _secured(tmp_path, "elsewhere.example") as (port, ca):
        with pytest.raises(ServerUnreachable, match="certificate is not valid for 'localhost'"):
            await _enters(Platform(url=f"wss://localhost:{port}/ws", ca=ca))


async def test_insecure_trusts_anybody(secured: tuple[int, Path]) -> None:
    assert await _enters(Platform(url=f"wss://127.0.0.1:{secured[0]}/ws", insecure=True)) == "u1"


async def test_a_server_without_tls_is_told() -> None:
    async with servers.http_server() as url:
        with pytest.raises(ServerUnreachable, match=r"SSL|TLS") as failure:
            await _enters(Platform(url=url.replace("ws://", "wss://")))
    assert "ws://" in failure.value.hint


@pytest.mark.parametrize("trusted", [True, False])
async def test_tls_goes_through_the_environments_proxy(
    secured: tuple[int, Path], monkeypatch: pytest.MonkeyPatch, trusted: bool
) -> None:
    """The tunnel is opened by CONNECT, and the certificate is checked through it."""
    port, ca = secured
    asked: list[str] = []

    async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        asked.append(head.split(b"\r\n")[0].decode())
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await _both_ways(reader, writer, port)

    async with _serving(proxy) as gate:
        for name in ("wss_proxy", "https_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{gate}")
        for name in ("no_proxy", "NO_PROXY"):
            monkeypatch.delenv(name, raising=False)
        platform = Platform(url="wss://localhost:1/ws", ca=ca if trusted else None)
        if trusted:
            assert await _enters(platform) == "u1"
        else:
            with pytest.raises(ServerUnreachable, match="certificate"):
                await _enters(platform)
    assert asked == ["CONNECT localhost:1 HTTP/1.1"]
