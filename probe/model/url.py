"""URLs as they may be shown: without what lets somebody in."""

from __future__ import annotations

from typing import Literal
from urllib.parse import urlsplit, urlunsplit


def without_secrets(url: str) -> str:
    """`url` without user, password, query and fragment, where tokens stand; "…" marks what was left out. Of what is no URL,
    like user:password@host, nothing before the @ is shown either."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "…"
    if not parts.netloc and "@" in url:
        return f"…@{without_secrets(url.rpartition('@')[2])}"
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "…" if parts.query else "", ""))


def endpoint_of(path: str) -> Literal["whip", "whep"] | None:
    """What kind of endpoint the path of a plain http(s) URL names, by one of its parts."""
    parts = path.split("/")
    return "whip" if "whip" in parts else "whep" if "whep" in parts else None
