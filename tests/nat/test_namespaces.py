"""Namespaces go with the test that made them, and what a test that was killed left behind goes with the next one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.nat.namespaces import lab, left_behind, run, sweep

pytestmark = pytest.mark.usefixtures("privileged")
_CRASH = "import os; from tests.nat.namespaces import Lab; print(Lab().namespace('lost'), flush=True); os._exit(1)"


def _exists(namespace: str) -> bool:
    return (Path("/run/netns") / namespace).exists()


def test_namespaces_are_gone_after_an_error() -> None:
    with pytest.raises(RuntimeError, match="no-such-thing"), lab() as made:  # noqa: PT012 - in this order
        one, two = made.namespace("one"), made.namespace("two")
        made.cable(one, "inner", two, "outer")
        assert _exists(one)
        assert "outer" in run("ip", "-n", two, "link")
        made.batch(one, "link set no-such-thing up")
    assert not _exists(one)
    assert not _exists(two)


def test_what_a_killed_test_left_behind_goes_with_the_next() -> None:
    done = subprocess.run([sys.executable, "-c", _CRASH], capture_output=True, text=True, timeout=60, check=False)
    lost = done.stdout.strip()
    assert done.returncode == 1
    assert lost in left_behind()
    with lab() as made:
        mine = made.namespace("mine")
        assert not _exists(lost)
        sweep()
        assert _exists(mine)  # its test lives
