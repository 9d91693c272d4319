"""Runs a peer in a child process with a deadline, and reads the JSON object that it prints."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.bench.processes import kill_tree, leashed
from tests.bench.row import PeerFailed

ROOT = Path(__file__).parents[2]
_LAST_WORDS_SECONDS = 5.0


def run_json(
    command: Sequence[str],
    *,
    deadline: float,
    environment: Mapping[str, str] | None = None,
    codes: Sequence[int] = (0,),
) -> Any:
    """The object or list that it prints. Raises PeerFailed, with the end of what it complained of.

    The child's standard input stays open until it has ended, so a peer that waits for its end never outlives us."""
    held, kept = os.pipe()
    try:
        process = subprocess.Popen(
            leashed(command),
            cwd=ROOT,
            env={**os.environ, **(environment or {})},
            stdin=held,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,  # ^C is ours to handle
        )
        output, complaints = _outcome(process, deadline)
    finally:
        os.close(held)
        os.close(kept)
    if process.returncode not in codes:
        raise PeerFailed(
            f"exit code {process.returncode}: {_end_of(complaints) or _end_of(output) or 'without a word'}"
        )
    return document_in(output)


def _outcome(process: subprocess.Popen[str], deadline: float) -> tuple[str, str]:
    """What it said; whatever happens here, it is over afterwards."""
    try:
        return process.communicate(timeout=deadline)
    except subprocess.TimeoutExpired:
        raise PeerFailed(f"not done after {deadline:g} s: {_end_of(_ended(process)) or 'without a word'}") from None
    except BaseException:
        _ended(process)
        raise


def _ended(process: subprocess.Popen[str]) -> str:
    """What it had complained of before it was killed, with all that it started."""
    kill_tree(process.pid)
    try:
        return process.communicate(timeout=_LAST_WORDS_SECONDS)[1]
    except (
        subprocess.TimeoutExpired
    ):  # something that left its tree holds the pipes open; it dies with its standard input
        process.wait()
        return ""


def document_in(output: str) -> Any:
    """The JSON object or list that the output is, or that its last line is. Raises PeerFailed."""
    for text in (output, output.strip().rpartition("\n")[2]):
        try:
            found = json.loads(text)
        except ValueError:
            continue
        if isinstance(found, dict | list):
            return found
    raise PeerFailed(f"no JSON document in its output: {_end_of(output) or 'it is empty'}")


def _end_of(text: str, limit: int = 200) -> str:
    return " ".join(text.split())[-limit:]
