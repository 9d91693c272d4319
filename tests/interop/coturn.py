"""coturn 4.6 (Debian package `coturn`) on loopback: STUN and TURN over UDP, TCP, and TLS with a certificate of our own authority."""

from __future__ import annotations

import asyncio
import socket
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from aioice import stun

from tests import certificates
from tests.bench.server_process import ServerProcess, listening
from tests.interop import needs

USER, PASSWORD, SHARED_SECRET = "probe", "turn-password-of-the-tests", "secret-shared-with-the-tests"
_START_SECONDS = 8.0
_STARTS = 3
_TRIES = 20
_KINDS = (socket.SOCK_STREAM, socket.SOCK_DGRAM)


@dataclass(frozen=True, slots=True)
class Coturn:
    """A running one. `authority`: a PEM file of who signed its certificate, which is for localhost and 127.0.0.1."""

    process: ServerProcess
    port: int
    tls_port: int
    authority: Path

    def url(self, way: str = "udp", host: str = "127.0.0.1") -> str:
        """Its TURN URL over udp, tcp or tls."""
        if way == "tls":
            return f"turns:{host}:{self.tls_port}"
        return f"turn:{host}:{self.port}?transport={way}"

    @property
    def stun(self) -> str:
        return f"stun:127.0.0.1:{self.port}"


@asynccontextmanager
async def coturn(*options: str, rest: bool = False, loopback_peers: bool = True) -> AsyncIterator[Coturn]:
    """Stopped at the end. `rest`: passwords are made from SHARED_SECRET; else USER has PASSWORD."""
    needs.program("turnserver", "coturn")
    with tempfile.TemporaryDirectory(prefix="coturn-") as name:
        folder = Path(name)
        authority, _, _ = certificates.make(folder)
        process, ports = await _started(lambda ports: _command(folder, ports, options, rest, loopback_peers))
        draining = asyncio.create_task(process.drain())
        try:
            yield Coturn(process, ports[0], ports[1], authority)
        finally:
            draining.cancel()
            await asyncio.wait([draining])
            await process.stop()


async def _started(command: Callable[[Sequence[int]], list[str]]) -> tuple[ServerProcess, Sequence[int]]:
    """On ports that nobody took before it could; tries again on others. Raises TimeoutError when it does not come up at all."""
    for _ in range(_STARTS):
        ports = _free_ports(2)
        process = await ServerProcess.start(command(ports))
        draining = asyncio.create_task(process.drain())
        try:
            for port in ports:
                await listening(port, _START_SECONDS)
            await _answering(ports[0])
        except TimeoutError:
            await process.stop()
        else:
            return process, ports
        finally:
            draining.cancel()
            await asyncio.wait([draining])
    raise TimeoutError(f"coturn did not come up on any of {_STARTS} pairs of ports")


def _command(folder: Path, ports: Sequence[int], options: Sequence[str], rest: bool, loopback_peers: bool) -> list[str]:
    who = ["--use-auth-secret", f"--static-auth-secret={SHARED_SECRET}"] if rest else [f"--user={USER}:{PASSWORD}"]
    return [
        "turnserver", "-n", "--no-cli", "--no-dtls", "--no-software-attribute", "--lt-cred-mech", "--realm=turn.test", *who,
        "--listening-ip=127.0.0.1", "--listening-ip=::1", f"--listening-port={ports[0]}", f"--tls-listening-port={ports[1]}",
        f"--cert={folder / 'server.pem'}", f"--pkey={folder / 'server.key'}", "--log-file=stdout", "--simple-log",
        f"--pidfile={folder / 'pid'}", f"--userdb={folder / 'db'}", "--relay-threads=1",
        *(["--allow-loopback-peers"] if loopback_peers else []), *options,
    ]  # fmt: skip


def _free_ports(count: int) -> list[int]:
    """Free for TCP and for UDP."""
    with ExitStack() as held:
        found: list[int] = []
        for _ in range(_TRIES):
            stream, datagrams = (held.enter_context(socket.socket(type=kind)) for kind in _KINDS)
            stream.bind(("127.0.0.1", 0))
            port = int(stream.getsockname()[1])
            with suppress(OSError):  # somebody's UDP: another one
                datagrams.bind(("127.0.0.1", port))
                found.append(port)
            if len(found) == count:
                return found
    raise RuntimeError("no port is free for both TCP and UDP")


async def _answering(port: int) -> None:
    """Its UDP listener comes up apart from that for TCP."""
    request = bytes(stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST))
    loop = asyncio.get_running_loop()
    with socket.socket(type=socket.SOCK_DGRAM) as one:
        one.setblocking(False)
        one.connect(("127.0.0.1", port))
        async with asyncio.timeout(_START_SECONDS):
            while True:
                with suppress(ConnectionError, TimeoutError):
                    await loop.sock_sendall(one, request)
                    async with asyncio.timeout(0.2):
                        await loop.sock_recv(one, 2048)
                        return
                await asyncio.sleep(0.05)
