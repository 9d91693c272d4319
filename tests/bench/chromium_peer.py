"""Child process: a headless Chromium holds calls of a page served on 127.0.0.1; CPU and memory of all its processes, by /proc. Prints one
JSON object. The browser ends with this process, however that ends."""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from tests.bench.processes import Usage, kill_tree, leashed, usage
from tests.web_server import web_server

PAGES = Path(__file__).parent / "pages"
STAGES = ("idle", "joining", "connected", "begin", "end")
_ARGUMENTS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--use-fake-device-for-media-stream=fps=30",
    "--use-fake-ui-for-media-stream",
    "--allow-loopback-in-peer-connection",
    "--disable-features=WebRtcHideLocalIpsWithMdns",
    "--autoplay-policy=no-user-gesture-required",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-dev-shm-usage",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",  # nothing of the world outside can even be looked up
)


class Stages:
    """What the page has reached, with the browser's usage and the time then. `failure`: what went wrong in it."""

    def __init__(self) -> None:
        self.browser = 0
        self.usages: dict[str, Usage] = {}
        self.times: dict[str, float] = {}
        self.counts: dict[str, dict[str, int]] = {}
        self.failure = ""
        self.over = asyncio.Event()

    async def take(self, request: web.Request) -> web.Response:
        stage, body = request.match_info["stage"], await request.json()
        if stage == "failed":
            self.failure = str(body.get("reason", "without a reason"))
            self.over.set()
            return web.Response()
        self.times[stage], self.usages[stage] = time.monotonic(), usage(self.browser)
        self.counts[stage] = body
        if stage == STAGES[-1]:
            self.over.set()
        return web.Response()


@asynccontextmanager
async def served(stages: Stages) -> AsyncIterator[str]:
    """The pages' address."""
    app = web.Application()
    app.router.add_post("/{stage}", stages.take)
    app.router.add_static("/", PAGES)
    async with web_server(app, patience=1.0) as port:
        yield f"http://127.0.0.1:{port}"


async def measure(browser: Sequence[str], participants: int, seconds: float, warm_up: float) -> dict[str, Any]:
    """What the page's window came to; `browser`: the program and options of its own.

    Raises TimeoutError, or RuntimeError with the page's reason."""
    stages = Stages()
    query = urlencode({"calls": max(1, participants // 2), "seconds": seconds, "warmUp": warm_up})
    async with served(stages) as url:
        command = [*browser, *_ARGUMENTS, f"{url}/calls.html?{query}"]
        process = await asyncio.create_subprocess_exec(
            *leashed(command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        stages.browser = process.pid
        try:
            async with asyncio.timeout(seconds + warm_up + 60):
                await stages.over.wait()
        finally:
            kill_tree(process.pid)
            await process.wait()
    if stages.failure:
        raise RuntimeError(f"the page: {stages.failure}")
    return result(stages, participants=2 * max(1, participants // 2))


def result(stages: Stages, participants: int) -> dict[str, Any]:
    """In the words of the other peers."""
    at, counts = stages.usages, stages.counts
    return {
        "participants": participants,
        "seconds": stages.times["end"] - stages.times["begin"],
        "setup_cpu_seconds": at["connected"].cpu_seconds - at["joining"].cpu_seconds,
        "cpu_seconds": at["end"].cpu_seconds - at["begin"].cpu_seconds,
        "packets_received": counts["end"]["packetsReceived"] - counts["begin"]["packetsReceived"],
        "packets_sent": counts["end"]["packetsSent"] - counts["begin"]["packetsSent"],
        "frames_decoded": counts["end"]["framesDecoded"] - counts["begin"]["framesDecoded"],
        "idle_rss_bytes": at["idle"].memory_bytes,
        "rss_bytes": at["end"].memory_bytes,
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--browser", required=True, help="the program")
    parser.add_argument("--profile", required=True, help="an empty folder; who gave it deletes it")
    parser.add_argument("--participants", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--warm-up", type=float, default=3.0)
    options = parser.parse_args()
    browser = [options.browser, f"--user-data-dir={options.profile}"]
    found = asyncio.run(measure(browser, options.participants, options.seconds, options.warm_up))
    print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
