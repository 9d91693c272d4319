"""`probe run --pushgateway URL`: the run's figures, put where a Prometheus Pushgateway keeps them for the next scrape."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import Mapping
from urllib.parse import urlsplit

from probe.cli_errors import complain
from probe.model.errors import ConfigError, MeasurementError
from probe.model.url import without_secrets
from reports.document import Document
from reports.openmetrics import pushgateway_path, render_openmetrics
from reports.terminal_style import plain

VARIABLE = "MEETPROBE_PUSHGATEWAY"
OPTION = "--pushgateway"
DEADLINE = 10.0
"""Seconds for all of it."""
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
"""The Prometheus text format: the Pushgateway takes no OpenMetrics. What we render is both (reports/openmetrics.py)."""
_MOST_ANSWER = 2000


def check_pushgateway(url: str, environment: Mapping[str, str]) -> None:
    """Raises ConfigError for what is no Pushgateway's address, and for a password on the command line, where all can read it."""
    try:
        parts = urlsplit(url)
        sound = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        sound = False
    if not sound or parts.query or parts.fragment:
        raise ConfigError(
            f"{without_secrets(url)!r} is no address of a Pushgateway", who=OPTION, hint="write http://host:9091"
        )
    if parts.username is not None and environment.get(VARIABLE) != url:
        raise ConfigError(
            "user and password don't belong on the command line", who=OPTION, hint=f"give the URL in {VARIABLE}"
        )


def push(document: Document, url: str, deadline: float = DEADLINE) -> bool:
    """PUT the figures in place of those of the run before. Whether it worked; why not is told on stderr, and changes nothing else."""
    where = without_secrets(url)
    try:
        asyncio.run(asyncio.wait_for(_put(document, url), deadline))
    except (TimeoutError, OSError, ValueError, MeasurementError, KeyboardInterrupt) as error:
        complain(
            MeasurementError(f"not pushed to {where}: {_reason(error, deadline)}", who=OPTION, phase="pushgateway")
        )
        return False
    return True


async def _put(document: Document, url: str) -> None:
    from aiohttp import ClientError, ClientSession
    from yarl import URL

    base = URL(url)
    headers = {"Content-Type": CONTENT_TYPE}
    if base.user is not None:  # RFC 7617
        headers["Authorization"] = "Basic " + b64encode(f"{base.user}:{base.password or ''}".encode()).decode()
    address = str(base.with_user(None)).rstrip("/") + pushgateway_path(document)
    body = render_openmetrics(document).encode()
    try:
        # No redirects: they would take the password elsewhere. The path is escaped already.
        async with (
            ClientSession() as session,
            session.put(URL(address, encoded=True), data=body, headers=headers, allow_redirects=False) as answer,
        ):
            if answer.status not in (200, 202):
                said = (await answer.content.read(_MOST_ANSWER)).decode(errors="replace").strip()
                raise MeasurementError(
                    f"it answered {answer.status} {answer.reason or ''}: {said or 'no reason given'}"
                )
    except ClientError as error:
        raise MeasurementError(str(error) or type(error).__name__) from error


def _reason(error: BaseException, deadline: float) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {deadline:g} s"
    if isinstance(error, KeyboardInterrupt):
        return "interrupted"
    return plain(error.message if isinstance(error, MeasurementError) else error)
