"""Whether a command line is one that its program takes, and what it comes to. Programs are asked, not started."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import typer

from sfu_shim.cli import app

_READ = """
import json, sys
from locust.argument_parser import get_parser
from loadtest.arguments import add_arguments
parser = get_parser()
add_arguments(parser)
print(json.dumps([vars(parser.parse_args(line)) for line in json.loads(sys.argv[1])], default=str))
"""


def locust_options(*lines: list[str], environment: dict[str, str] | None = None) -> list[dict[str, Any]]:
    """What Locust makes of each list of arguments; fails where it takes one not. In a process of its own: Locust patches."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("LOCUST_", "MEETPROBE_"))}
    command = [sys.executable, "-c", _READ, json.dumps(lines)]
    told = {**clean, **(environment or {})}
    done = subprocess.run(
        command, env=told, cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return cast(list[dict[str, Any]], json.loads(done.stdout))


def shim_options(arguments: list[str]) -> dict[str, Any]:
    """What `sfu-shim` makes of its arguments; raises a UsageError where it takes one not."""
    return dict(typer.main.get_command(app).make_context("sfu-shim", list(arguments)).params)


def shell_lines(page: str) -> list[list[str]]:
    """The command lines of a page's ```sh blocks, split into words; without comments and what stands before the program."""
    lines: list[list[str]] = []
    for block in re.findall(r"^```sh\n(.*?)^```", page, re.DOTALL | re.MULTILINE):
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            while words and "=" in words[0]:
                words.pop(0)
            if words:
                lines.append(words)
    return lines
