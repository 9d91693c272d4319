"""How the command line tells of failures: one clear line and a hint for what is expected, a traceback for our bugs."""

from __future__ import annotations

import traceback

from rich.console import Console
from rich.text import Text

from probe.model.errors import ConfigError, MediaError, ProbeError
from reports.terminal_style import plain


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


def complain_of_bug(error: BaseException) -> None:
    """The traceback, and whose fault it is."""
    console = Console(stderr=True)
    console.print(Text("".join(traceback.format_exception(error)).rstrip()), soft_wrap=True)
    line = f"✗ this is a bug in meetprobe: {type(error).__name__}: {plain(error)}"
    console.print(Text(line, style="bold red"), soft_wrap=True)
