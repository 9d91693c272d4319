"""The signals that ask a process to end, in processes of their own."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from probe.endings import ENDINGS, held_off


def ended(program: str, *, ignoring: signal.Signals | None = None) -> subprocess.CompletedProcess[str]:
    """Run it, with that signal ignored by its parent, as nohup does."""
    first = f"import signal; signal.signal({int(ignoring)}, signal.SIG_IGN)" if ignoring is not None else ""
    program = f"import os, signal\n{first}\nfrom probe.endings import end_alike, held_off\n{program}"
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False)


@pytest.mark.parametrize("number", ENDINGS)
def test_all_end_as_ctrl_c_does(number: signal.Signals) -> None:
    program = f"""
end_alike()
try:
    os.kill(os.getpid(), {int(number)})
    signal.pause()
except KeyboardInterrupt:
    print("interrupted")
"""
    assert ended(program).stdout == "interrupted\n"


def test_what_nohup_ignores_stays_ignored() -> None:
    program = f"end_alike()\nos.kill(os.getpid(), {int(signal.SIGHUP)})\nprint('alive')"
    assert ended(program, ignoring=signal.SIGHUP).stdout == "alive\n"


@pytest.mark.parametrize("number", ENDINGS)
def test_none_changes_the_exit_code_of_a_process_that_is_ending(number: signal.Signals) -> None:
    late = f"import atexit; atexit.register(os.kill, os.getpid(), {int(number)})"
    done = ended(f"{late}\nend_alike()\nraise SystemExit(3)")
    assert (done.returncode, done.stderr) == (3, "")


def test_held_off_they_do_nothing_and_afterwards_what_they_did() -> None:
    before = [signal.getsignal(number) for number in ENDINGS]
    with held_off():
        for number in ENDINGS:
            signal.raise_signal(number)
    assert [signal.getsignal(number) for number in ENDINGS] == before
