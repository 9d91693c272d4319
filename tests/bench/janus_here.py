"""`python -m tests.bench.janus_here`: the tests' Janus, until it is told to stop. Prints the URL that `probe run --url` takes."""

from __future__ import annotations

import asyncio
import signal
import sys

from tests.bench.janus_server import ROOM, serving, why_not


async def _serve() -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with serving() as janus:
        print(f"janus+{janus.websocket}/?room={ROOM}", flush=True)
        await stop.wait()


def main() -> int:
    if (missing := why_not()) is not None:
        print(missing, file=sys.stderr)
        return 2
    asyncio.run(_serve())
    return 0


if __name__ == "__main__":
    sys.exit(main())
