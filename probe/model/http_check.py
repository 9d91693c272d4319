"""Requests of a scenario's own that are made while the meetings go on: does the platform's interface answer, as it should?"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from probe.model.errors import ConfigError
from probe.model.platform import Platform
from probe.model.units import seconds
from probe.model.url import without_secrets
from probe.model.validation import Strict

_ORIGINS = {"ws": "http", "wss": "https", "http": "http", "https": "https"}
_CLASS = re.compile(r"[1-5]xx")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""Of a header's name: RFC 9110 section 5.6.2."""

Every = Annotated[float, BeforeValidator(seconds), Field(strict=True, ge=1, le=3600)]
Timeout = Annotated[float, BeforeValidator(seconds), Field(strict=True, gt=0, le=60)]


def _listed(value: object) -> object:
    return value if isinstance(value, list | tuple) else (value,)


def _status(value: object) -> object:
    exact = isinstance(value, int) and not isinstance(value, bool) and 100 <= value <= 599
    if not exact and not (isinstance(value, str) and _CLASS.fullmatch(value)):
        raise ValueError(f"{value!r} is no status of HTTP: write 204, or 2xx for a class")
    return value


Status = Annotated[int | str, BeforeValidator(_status)]


def _header(name: str) -> str:
    if not _TOKEN.fullmatch(name):
        raise ValueError(f"{name!r} can't be the name of a header")
    return name


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """What goes out. Headers and body may hold secrets and are not shown."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = field(default=None, repr=False)


class HttpCheck(Strict):
    """Asked at once and then `every` so many seconds; no answer within `timeout` seconds is a failure, and so is a status that is
    not among those to `expect`.

    `url` is absolute, or a path at the platform's own origin. A `body` that is no text goes as JSON. Secrets stand in the
    environment: `headers_env` names the variable of each header's value, `token` sends the platform's as Bearer (RFC 6750).
    """

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 _./-]{0,31}$")]
    url: Annotated[str, Field(max_length=2000)]
    method: Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] = "GET"
    every: Every = 5.0
    timeout: Timeout = 5.0
    expect: Annotated[tuple[Status, ...], BeforeValidator(_listed), Field(min_length=1, max_length=20)] = ("2xx", "3xx")
    body: str | dict[str, Any] | list[Any] | None = None
    headers_env: dict[Annotated[str, AfterValidator(_header)], Annotated[str, Field(min_length=1)]] | None = None
    token: Annotated[bool, Field(strict=True)] = False

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        parts = urlsplit(self.url)
        if "@" in parts.netloc:
            raise ValueError(
                "url: no user and password there; headers_env takes the Authorization from the environment"
            )
        absolute = parts.scheme in ("http", "https") and bool(parts.hostname)
        if not absolute and not (self.url.startswith("/") and not parts.netloc):
            raise ValueError(f"url: {without_secrets(self.url)!r} is neither http(s)://… nor a path from /")
        parts.port  # noqa: B018 - the property raises on a bad port
        if self.body is not None and self.method in ("GET", "HEAD"):
            raise ValueError(f"body: a {self.method} has none; give a method")
        return self

    def expects(self, status: int) -> bool:
        """Whether such an answer is what should come."""
        return status in self.expect or f"{status // 100}xx" in self.expect

    def request(self, platform: Platform, environment: Mapping[str, str]) -> HttpRequest:
        """What to send to that platform. Raises ConfigError for what is missing: an origin, a token, a variable."""
        headers = {name: self._value(variable, environment) for name, variable in (self.headers_env or {}).items()}
        if self.token:
            if not platform.token:
                raise self._wrong("token: there is none to send", "set MEETPROBE_TOKEN")
            headers["Authorization"] = f"Bearer {platform.token}"
        if self.body is None:
            return HttpRequest(self.method, self._absolute(platform), headers)
        text, kind = (
            (self.body, "text/plain; charset=utf-8")
            if isinstance(self.body, str)
            else (json.dumps(self.body), "application/json")
        )
        return HttpRequest(self.method, self._absolute(platform), {"Content-Type": kind} | headers, text.encode())

    def _absolute(self, platform: Platform) -> str:
        """A path is found where the platform's URL leads: ws(s) is http(s) there, janus+wss:// too."""
        if not self.url.startswith("/"):
            return self.url
        parts = urlsplit(platform.url)
        scheme = _ORIGINS.get(parts.scheme.rpartition("+")[2])
        if scheme is None:
            hint = "write the whole URL, https://…"
            raise self._wrong(f"url: {platform.shown} has no HTTP origin for the path {self.url!r}", hint)
        return f"{scheme}://{parts.netloc.rpartition('@')[2]}{self.url}"

    def _value(self, variable: str, environment: Mapping[str, str]) -> str:
        value = environment.get(variable)
        if value is None:
            raise self._wrong(f"headers_env: the environment has no {variable}", f"export {variable}=…")
        if not value.isprintable():
            raise self._wrong(f"headers_env: {variable} holds what no header may", "is there a line break at its end?")
        return value

    def _wrong(self, message: str, hint: str) -> ConfigError:
        return ConfigError(message, who=f"http check {self.name!r}", hint=hint)


def check_names(checks: tuple[HttpCheck, ...]) -> tuple[HttpCheck, ...]:
    """The checks. Raises ValueError where two have one name."""
    names = [check.name for check in checks]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"two are called {name!r}")
    return checks
