"""Lines as they come through a pipe, and an end that does not wait for the reader."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import pytest

from probe.lifeline import _CHUNK, _lines

_ENDS_BY_ITSELF = """
import asyncio, sys
from probe.lifeline import Lifeline

async def main():
    Lifeline(lambda: None)
    await asyncio.sleep(0.05)

asyncio.run(main())
sys.exit(3)
"""


@pytest.mark.parametrize(
    "said",
    [
        [],
        [b"one\n"],
        [b"one\n", b"two\n"],
        [b"\n", b"\n"],
        [b"one\n", b"no end"],
        [b"x" * (3 * _CHUNK) + b"\n", b"after a long one\n"],
        [b"x" * (_CHUNK - 1) + b"\n", b"\n"],
    ],
)
def test_lines_come_whole(said: list[bytes]) -> None:
    reading, writing = os.pipe()

    def write() -> None:
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(b"".join(said))

    writer = threading.Thread(target=write)
    writer.start()
    assert list(_lines(reading)) == said
    writer.join()
    os.close(reading)


def test_who_ends_by_itself_has_its_own_exit_code() -> None:
    """Its parent still holds stdin, and a thread waits for it."""
    with subprocess.Popen([sys.executable, "-c", _ENDS_BY_ITSELF], stdin=subprocess.PIPE) as child:
        assert child.wait(timeout=60) == 3
