"""The engine's process is unpatched: nothing of Locust's gets in, not even indirectly."""

from __future__ import annotations

import subprocess
import sys

_LOOK = """
import sys
import loadtest.engine.child
print(sorted({name.partition(".")[0] for name in sys.modules} & {"gevent", "locust", "flask", "greenlet", "zmq"}))
"""


def test_neither_gevent_nor_locust() -> None:
    found = subprocess.run([sys.executable, "-c", _LOOK], capture_output=True, text=True, timeout=60, check=True)
    assert found.stdout.strip() == "[]"
