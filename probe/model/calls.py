"""How calls to a platform's interface are named in the tags of their samples."""

from __future__ import annotations

CLASSES = ("4xx", "5xx", "timeout", "unreachable", "refused")
"""How a call can fail. Every call counts for each of them, so that each is a share of all calls."""

CHECK = "check "
"""Before the name of a scenario's own check, so that none is taken for a call of the adapter's."""


def failure(call: str, kind: str) -> str:
    """The value of the tag `call` of `http_error_class_ratio`, whose samples are of one class each: what failed how, as in
    "POST: 4xx". Only failures carry it."""
    return f"{call}: {kind}"
