"""A process of a test in a namespace, spoken to by lines."""

from __future__ import annotations

import asyncio
from asyncio.subprocess import PIPE, Process
from contextlib import suppress
from typing import Self

from tests.nat.namespaces import inside

_END_SECONDS = 30.0


class Child:
    """`start`, later `end`. It is killed with the process that started it."""

    def __init__(self, process: Process, name: str) -> None:
        self._process = process
        self._name = name

    @classmethod
    async def start(cls, namespace: str, *command: str, stderr: int | None = None) -> Self:
        """Its stderr is ours unless told otherwise, as to `subprocess`."""
        process = await asyncio.create_subprocess_exec(
            *inside(namespace, *command), stdin=PIPE, stdout=PIPE, stderr=stderr
        )
        return cls(process, f"{command[-1]} in {namespace}")

    def say(self, line: str) -> None:
        """To its stdin."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n".encode())

    async def line(self, within: float) -> bytes:
        """The next one that it says. Raises RuntimeError when it says nothing for so many seconds, or ends."""
        assert self._process.stdout is not None
        try:
            async with asyncio.timeout(within):
                found = await self._process.stdout.readline()
        except TimeoutError:
            raise RuntimeError(f"{self._name} said nothing for {within:g} s") from None
        if not found:
            raise RuntimeError(f"{self._name} has ended")
        return found

    async def drain(self) -> None:
        """Read what it says and forget it, until it ends: a full pipe would stop it."""
        with suppress(RuntimeError):
            while True:
                await self.line(3600.0)

    async def end(self) -> int:
        """Close its stdin, which ends it; else `terminate`. Returns its exit code. Idempotent."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        if not await self._gone():
            await self.terminate()
        return self._process.returncode or 0

    async def terminate(self) -> None:
        """Ask, then kill. For one that does not care for its stdin. Idempotent."""
        with suppress(ProcessLookupError):
            self._process.terminate()
        if not await self._gone():
            with suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()

    async def _gone(self) -> bool:
        with suppress(TimeoutError):
            async with asyncio.timeout(_END_SECONDS):
                await self._process.wait()
        return self._process.returncode is not None
