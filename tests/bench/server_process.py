"""A server under test in a process of its own, and the CPU time that it has used."""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Callable, Mapping, Sequence

_STOP_SECONDS = 5.0


class ServerProcess:
    """`await start(command)`, later `await stop()`. It ends with this process, however this one ends."""

    def __init__(self, process: Process) -> None:
        self._process = process

    @classmethod
    async def start(cls, command: Sequence[str], environment: Mapping[str, str] | None = None) -> ServerProcess:
        """Raises FileNotFoundError when `setpriv` (util-linux) or the server is not installed."""
        for program in ("setpriv", command[0]):
            if shutil.which(program) is None:
                raise FileNotFoundError(f"{program} is not installed")
        process = await asyncio.create_subprocess_exec(
            "setpriv", "--pdeathsig", "KILL", *command, stdin=DEVNULL, stdout=PIPE, stderr=DEVNULL,
            env={**os.environ, **(environment or {})},
        )  # fmt: skip
        return cls(process)

    async def line(self, seconds: float = 20.0) -> str:
        """The next line that it prints. Raises TimeoutError; EOFError when it has ended."""
        assert self._process.stdout is not None
        async with asyncio.timeout(seconds):
            found = await self._process.stdout.readline()
        if not found:
            raise EOFError("the server under test has ended")
        return found.decode().strip()

    async def drain(self) -> None:
        """Read what it prints, until it ends: a full pipe would stop it."""
        while True:
            try:
                await self.line(3600.0)
            except EOFError:
                return

    def cpu_seconds(self) -> float:
        """User and system time of all its threads, those that ended too: its POSIX process clock, to the nanosecond."""
        return time.clock_gettime(
            (~self._process.pid << 3) | 2
        )  # CPUCLOCK_SCHED of that process: the kernel's own layout

    async def kill(self) -> None:
        """At once, with no goodbye."""
        self._process.kill()
        await self._process.wait()

    async def stop(self) -> None:
        """Ask, wait, kill."""
        if self._process.returncode is not None:
            return
        self._process.terminate()
        try:
            async with asyncio.timeout(_STOP_SECONDS):
                await self._process.communicate()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()


async def listening(port: int, seconds: float) -> None:
    """Wait until that TCP port of loopback is listened on. Raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except ConnectionError:
                await asyncio.sleep(0.1)
            else:
                writer.close()
                await writer.wait_closed()
                return


async def until(condition: Callable[[], bool], seconds: float) -> None:
    """Look every 50 ms. Raises TimeoutError."""
    for _ in range(round(seconds / 0.05)):
        if condition():
            return
        await asyncio.sleep(0.05)
    raise TimeoutError(f"not reached within {seconds:g} s")
