"""Calls to the platform's signalling and HTTP interface, as samples."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from typing import Literal

from probe.client.context import Context
from probe.model.calls import CHECK, CLASSES, failure
from probe.signalling.calls import Call, Heard

Source = Literal["signalling", "check"]
"""Whose calls they are: those of joins and meetings, or a scenario's own."""
_UNANSWERED = frozenset({"timeout", "unreachable"})
_NOT_AVAILABLE = _UNANSWERED | {"5xx"}


def hear(context: Context, source: Source) -> Heard:
    """Who hears of calls."""
    return partial(_sampled, context.emit, source)


def _sampled(emit: Callable[..., None], source: Source, call: Call) -> None:
    name = CHECK + call.name if source == "check" else call.name
    tags = {"source": source, "call": name}
    if call.outcome not in _UNANSWERED:  # only an answer has a response time
        emit("http_response_seconds", call.seconds, tags)
    emit("http_error_ratio", call.outcome != "answered", tags)
    for kind in CLASSES:
        failed = call.outcome == kind
        emit("http_error_class_ratio", failed, {"class": kind} | ({"call": failure(name, kind)} if failed else {}))
    emit("http_available_ratio", call.outcome not in _NOT_AVAILABLE, tags)
    emit("rate_limited_ratio", call.status == HTTPStatus.TOO_MANY_REQUESTS, tags)
