"""How the command line tells of failures: one clear line and a hint for what is expected, a traceback for our bugs."""

from __future__ import annotations

import traceback
from errno import EAGAIN, EDQUOT, ENOSPC

from rich.console import Console
from rich.text import Text

from probe.model.errors import ConfigError, MeasurementError, MediaError, ProbeError, shortage
from reports.terminal_style import plain

_SAID = ("can't start new thread", "failed to map segment", "cannot allocate memory")
"""Python's words for a lack of threads, the loader's for a lack of memory: their exceptions have no number."""


def error_code(error: ProbeError, *, own_media: bool = False) -> int:
    """2 for the user's input (`own_media`: the user gave a media file), 4 for all that kept us from measuring."""
    return 2 if isinstance(error, ConfigError) or (isinstance(error, MediaError) and own_media) else 4


def complain(error: ProbeError) -> None:
    """Who failed, where, with what, and on the next line what to do."""
    console = Console(stderr=True)
    head = ": ".join(plain(part) for part in (error.who, error.phase, error.message) if part)
    console.print(Text.assemble(("✗ ", "bold red"), (head, "red")), soft_wrap=True)
    if error.hint:
        console.print(Text(f"  {plain(error.hint)}", style="dim"), soft_wrap=True)


def complain_of_unexpected(error: Exception) -> int:
    """Tell what nobody provided for, and return the exit code: 4 where this machine had no more of something, else 1, a bug."""
    if what := _lacking(error):
        complain(MeasurementError(what, who="this machine", hint="look at ulimit -a, df and free"))
        return 4
    complain_of_bug(error)
    return 1


def _lacking(error: Exception) -> str:
    if isinstance(error, MemoryError):
        return "out of memory"
    if isinstance(error, OSError) and error.errno in (EAGAIN, EDQUOT, ENOSPC):
        return error.strerror or str(error)
    if isinstance(error, RuntimeError | ImportError) and any(words in str(error) for words in _SAID):
        return str(error)
    return shortage(error)


def complain_of_bug(error: BaseException) -> None:
    """The traceback, and whose fault it is."""
    console = Console(stderr=True)
    console.print(Text("".join(traceback.format_exception(error)).rstrip()), soft_wrap=True)
    line = f"✗ this is a bug in meetprobe: {type(error).__name__}: {plain(error)}"
    console.print(Text(line, style="bold red"), soft_wrap=True)
