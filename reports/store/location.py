"""Where the history is: an option or MEETPROBE_HISTORY, else a file in the user's data folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from probe.model.errors import ConfigError

NONE = "none"
_POSTGRESQL = "postgresql+psycopg"
_SHAPES = "a file, sqlite:///FILE, postgresql+psycopg://USER@HOST/DATABASE, or none"


def data_folder(environment: Mapping[str, str]) -> Path:
    """`meetprobe` in the user's data folder (XDG Base Directory Specification: XDG_DATA_HOME, if absolute). Raises ConfigError for a
    user without a home folder."""
    told = environment.get("XDG_DATA_HOME", "")
    base = Path(told) if told.startswith("/") else _home(Path("~")) / ".local" / "share"
    return base / "meetprobe"


def _home(path: Path) -> Path:
    """Raises ConfigError where the user that `path` begins with has no home folder."""
    try:
        return path.expanduser()
    except RuntimeError as error:
        hint = "set HOME or XDG_DATA_HOME, or choose another --history, or none"
        raise ConfigError(f"nobody knows where {path.parts[0]} is", who="history", hint=hint) from error


def history_url(told: str | None, environment: Mapping[str, str]) -> URL | None:
    """`told`, a URL or the path of a SQLite file; without it MEETPROBE_HISTORY, without that the user's own file.

    None where it is "none". Raises ConfigError for any other kind of database, and where there is no home folder.
    """
    told = told or environment.get("MEETPROBE_HISTORY") or str(data_folder(environment) / "history.db")
    if told.lower() == NONE:
        return None
    if "://" not in told:
        return URL.create("sqlite", database=str(_home(Path(told)).absolute()))
    return _checked(told)


def _checked(told: str) -> URL:
    try:
        url = make_url(told)
    except ArgumentError as error:
        raise ConfigError("not a database URL", who="--history", hint=f"write {_SHAPES}") from error
    if url.get_backend_name() in ("postgresql", "postgres"):
        return url.set(drivername=_POSTGRESQL)
    if url.get_backend_name() == "sqlite" and url.database and url.database != ":memory:":
        return URL.create("sqlite", database=str(Path(url.database).absolute()))
    raise ConfigError(f"no history is kept in {url.drivername}", who="--history", hint=f"write {_SHAPES}")


def shown(url: URL) -> str:
    """The history as it may be told to anybody: without user and password."""
    if url.get_backend_name() == "sqlite":
        return str(url.database)
    port = f":{url.port}" if url.port else ""
    return f"{url.drivername}://{url.host or ''}{port}/{url.database or ''}"
