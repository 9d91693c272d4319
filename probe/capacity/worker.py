"""`python -m probe.capacity.worker`: one measured engine process. Started by `probe.capacity.crew`, one for each share of a point.

Nothing else runs in it: no server, no display, no point measured before. Its parent sends JSON lines on stdin, in this order,
and it answers on stdout:

    {"work": …, "url": …, "meetings": n, "processes": p}      {"event": "ready"}
    {"start": monotonic}                                      {"event": "progress", …}…, {"event": "joined", …}
    {"begin": monotonic, "end": monotonic}                    {"event": "measured", "reading": …}, {"event": "left"}

The monotonic clock is the machine's, so all processes join in turn and measure the same window.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import traceback
from collections.abc import Callable
from typing import Any, cast

from probe.capacity.machine import raise_file_limit
from probe.capacity.session import Session
from probe.capacity.work import Work
from probe.lifeline import EXIT_ORPHANED, Lifeline, Voice, leave_signals_to_the_parent
from probe.model.errors import ProbeError

_TELL = 0.25


async def serve(commands: asyncio.Queue[dict[str, Any]], say: Callable[..., None]) -> None:
    """One point from the order to the leaving."""
    order = await commands.get()
    raise_file_limit()
    work = Work.from_dict(order["work"])
    async with Session.open(work, order["url"], order["meetings"], order["processes"]) as session:
        say("ready")
        joining = asyncio.ensure_future(session.join((await commands.get())["start"]))
        while not (await asyncio.wait([joining], timeout=_TELL))[0]:
            say("progress", joined=session.joined, failed=session.failed)
        await joining
        say("joined", joined=session.joined, failed=session.failed)
        window = await commands.get()
        reading = await session.measure(window["begin"], window["end"])
        say("measured", reading=reading.to_dict())
    say("left")


async def _main() -> int:
    commands: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    voice = Voice()

    def say(event: str, **more: Any) -> None:
        voice.say(json.dumps({"event": event, **more}).encode() + b"\n")

    def end() -> None:
        if not work.done():
            os._exit(EXIT_ORPHANED)  # the server is our parent's: there is nobody to say goodbye to

    work = asyncio.ensure_future(serve(commands, say))
    Lifeline(end, lambda line: commands.put_nowait(cast(dict[str, Any], json.loads(line))))
    try:
        await work
    except ProbeError as error:
        say("failed", message=error.message, who=error.who, phase=error.phase, hint=error.hint)
        return 4
    finally:
        voice.close()
    return 0


def main() -> int:
    """The process. Returns its exit code; what is not expected is told on stderr, and is 1."""
    leave_signals_to_the_parent()
    try:
        return asyncio.run(_main())
    except Exception:  # noqa: BLE001 - our parent reads it
        traceback.print_exc()
        return 1


if __name__ == "__main__":
    ended = main()
    sys.stderr.flush()
    os._exit(ended)  # a thread still reads stdin, and holds a lock that the interpreter's own way out would wait for
