"""Janus 1.1.2 (Debian package `janus`) on loopback, with the configuration beside this file."""

from __future__ import annotations

import asyncio
import shutil
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.bench.server_process import ServerProcess, listening

CONFIGURATION = Path(__file__).parent / "janus_config"
ROOM = 1234
_START_SECONDS = 15.0


def why_not() -> str | None:
    """What is missing here to run Janus; None: nothing."""
    for program, package in (("janus", "janus"), ("gcc", "gcc"), ("setpriv", "util-linux")):
        if shutil.which(program) is None:
            return f"{program} is not installed (apt-get install --no-install-recommends {package})"
    return None if _modules() is not None else "the Janus modules are not where Debian has them"


@dataclass(frozen=True, slots=True)
class Janus:
    """A running one. `websocket` and `http` are where it listens."""

    process: ServerProcess
    websocket: str
    http: str


@asynccontextmanager
async def running() -> AsyncIterator[tuple[ServerProcess, str]]:
    """(process, WebSocket URL), stopped at the end."""
    async with serving() as janus:
        yield janus.process, janus.websocket


@asynccontextmanager
async def serving(*, full_trickle: bool = False, tcp: bool = False) -> AsyncIterator[Janus]:
    """Stopped at the end. `full_trickle`: it sends its candidates one by one, and none in its descriptions. `tcp`: it listens on TCP
    too, which it does as ICE lite only."""
    with tempfile.TemporaryDirectory(prefix="janus-") as folder:
        port, http_port = _free_port(), _free_port()
        settings = {"PORT": str(port), "HTTP_PORT": str(http_port), "TRICKLE": str(full_trickle).lower()}
        settings["TCP"] = str(tcp).lower()
        shim = _prepare(Path(folder), settings)
        process = await ServerProcess.start(["janus", "-F", folder], {"LD_PRELOAD": str(shim)})
        draining = asyncio.create_task(process.drain())
        try:
            await listening(port, _START_SECONDS)
            await listening(http_port, _START_SECONDS)
            yield Janus(process, f"ws://127.0.0.1:{port}", f"http://127.0.0.1:{http_port}/janus")
        finally:
            draining.cancel()
            await asyncio.wait([draining])
            await process.stop()


def _modules() -> Path | None:
    return next((found.parent for found in sorted(Path("/usr/lib").glob("*/janus/plugins"))), None)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _prepare(folder: Path, settings: Mapping[str, str]) -> Path:
    for template in CONFIGURATION.glob("*.jcfg"):
        text = template.read_text()
        for name, value in {**settings, "FOLDER": str(folder), "MODULES": str(_modules())}.items():
            text = text.replace(f"@{name}@", value)
        (folder / template.name).write_text(text)
    shim = folder / "hide_loopback.so"
    source = CONFIGURATION / "hide_loopback.c"
    subprocess.run(["gcc", "-shared", "-fPIC", "-O2", "-o", str(shim), str(source), "-ldl"], check=True, timeout=60)
    return shim
