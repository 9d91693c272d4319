"""The signals that ask a process to end, outside of a run's event loop (`probe.interrupts` is for within)."""

from __future__ import annotations

import atexit
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def end_alike() -> None:
    """From now on SIGTERM and SIGHUP raise KeyboardInterrupt as Ctrl-C does, so that all three end in the same way, and none changes
    the exit code of a process that is ending. Those that are ignored stay so."""
    atexit.register(_ignore)
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, signal.default_int_handler)


def _ignore() -> None:
    for number in ENDINGS:
        signal.signal(number, signal.SIG_IGN)


@contextmanager
def held_off() -> Iterator[None]:
    """None of them does anything meanwhile: for the moment in which what was measured is kept and told."""
    if threading.current_thread() is not threading.main_thread():
        yield  # no signal gets here
        return
    before = {number: signal.signal(number, signal.SIG_IGN) for number in ENDINGS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
