"""Calls to the platform's signalling and HTTP interface, as samples."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from http import HTTPStatus

from probe.client.context import Context
from probe.signalling.calls import Call, Heard

CLASSES = ("4xx", "5xx", "timeout", "refused", "unreachable")
"""How a call can fail: every call counts for each of them, so that each is a share of all calls."""
_NOT_AVAILABLE = frozenset({"5xx", "timeout", "unreachable"})


def hear(context: Context, source: str) -> Heard:
    """Who hears of calls: `source` is "signalling" for those of joins and meetings, "check" for a scenario's own."""
    return partial(_sampled, context.emit, source)


def _sampled(emit: Callable[..., None], source: str, call: Call) -> None:
    tags = {"source": source, "call": call.name}
    if call.outcome not in ("timeout", "unreachable"):  # only an answer has a response time
        emit("http_response_seconds", call.seconds, tags)
    emit("http_error_ratio", call.outcome != "answered", tags)
    for kind in CLASSES:
        emit("http_error_class_ratio", call.outcome == kind, tags | {"class": kind})
    emit("http_available_ratio", call.outcome not in _NOT_AVAILABLE, tags)
    emit("rate_limited_ratio", call.status == HTTPStatus.TOO_MANY_REQUESTS, tags)
