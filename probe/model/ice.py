"""Which ICE a scenario gives its participants: servers, what is forbidden, and the legs that a run is repeated on."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from probe.model.errors import ConfigError
from probe.model.ice_url import IceUrl, parse_ice_url
from probe.model.units import seconds
from probe.model.validation import Strict

Leg = Literal["direct", "relay-only", "udp-blocked"]
LEGS: tuple[Leg, ...] = ("direct", "relay-only", "udp-blocked")
Family = Literal[4, 6]

Lifetime = Annotated[float, BeforeValidator(seconds), Field(strict=True, ge=60, le=31_536_000)]
_SECRETS = {"credential": "credential", "password": "credential", "rest_secret": "rest_secret", "secret": "rest_secret"}
_NAME = r"^[A-Za-z_]\w{0,127}$"


def _checked(text: str) -> str:
    try:
        parse_ice_url(text)
    except ConfigError as error:
        raise ValueError(str(error)) from error
    return text


def _listed(value: object) -> object:
    return (value,) if isinstance(value, str) else value


Urls = Annotated[
    tuple[Annotated[str, AfterValidator(_checked)], ...], BeforeValidator(_listed), Field(min_length=1, max_length=16)
]
Variable = Annotated[str, Field(pattern=_NAME)]


class IceServerSpec(Strict):
    """A STUN server, or a TURN server with one of: a password (`credential_…`), or a secret shared with it from which short-lived
    ones are made (`rest_secret_…`, valid for `rest_ttl` seconds; `username` is optional then). Secrets stand in the
    environment, or in a file, never here."""

    urls: Urls
    username: Annotated[str, Field(min_length=1, max_length=256)] | None = None
    credential_env: Variable | None = None
    credential_file: Path | None = None
    rest_secret_env: Variable | None = None
    rest_secret_file: Path | None = None
    rest_ttl: Lifetime = 86_400.0

    @model_validator(mode="before")
    @classmethod
    def _no_secrets(cls, data: Any) -> Any:
        """A scenario is passed around and kept in repositories."""
        for key, name in _SECRETS.items():
            if isinstance(data, dict) and key in data:
                raise ValueError(
                    f"{key}: a secret does not belong into a scenario; write {name}_env: with the name of an environment "
                    f"variable that holds it, or {name}_file: with a file"
                )
        return data

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        given = [name for name in _SOURCES if getattr(self, name) is not None]
        if len(given) > 1:
            raise ValueError(f"{' and '.join(given)}: one of them is enough")
        relays = any(url.kind == "turn" for url in self.parsed())
        if relays and not given:
            raise ValueError("a TURN server wants credentials: credential_env, credential_file or rest_secret_env")
        if relays and self.username is None and given[0].startswith("credential"):
            raise ValueError("username: a TURN server wants one beside the password")
        if not relays and (given or self.username is not None):
            raise ValueError("a STUN server takes no credentials")
        return self

    def parsed(self) -> list[IceUrl]:
        """The URLs."""
        return [parse_ice_url(url) for url in self.urls]


_SOURCES = ("credential_env", "credential_file", "rest_secret_env", "rest_secret_file")


class Ice(Strict):
    """`policy` relay: through TURN only. `udp` false: as in a network that lets no UDP out, so through TURN over TCP or TLS only.
    `families`: versions of IP to gather on. `platform_servers`: use what the platform names, too."""

    servers: Annotated[tuple[IceServerSpec, ...], Field(max_length=16)] = ()
    policy: Literal["all", "relay"] = "all"
    udp: bool = True
    families: Annotated[tuple[Family, ...], Field(min_length=1, max_length=2)] = (4, 6)
    platform_servers: bool = True

    @property
    def relayed(self) -> bool:
        """Is a relay the only way?"""
        return self.policy == "relay" or not self.udp

    def on(self, leg: Leg) -> Ice:
        """The same, as that leg has it."""
        policy: Literal["all", "relay"] = "relay" if leg == "relay-only" else "all"
        return self.model_copy(update={"policy": policy, "udp": leg != "udp-blocked"})

    def in_folder(self, folder: Path) -> Ice:
        """The same, its relative files taken from there."""
        return self.model_copy(update={"servers": tuple(_in_folder(server, folder) for server in self.servers)})


def _in_folder(server: IceServerSpec, folder: Path) -> IceServerSpec:
    files = ("credential_file", "rest_secret_file")
    found = {name: folder / file for name in files if (file := getattr(server, name)) is not None}
    return server.model_copy(update=found)


def usable(urls: Iterable[IceUrl], *, relay_only: bool, udp: bool) -> list[IceUrl]:
    """Those that may be asked."""
    return [url for url in urls if (udp or url.way != "udp") and (url.kind == "turn" or not relay_only)]


def check_relay(ice: Ice, *, embedded: bool, who: str = "") -> None:
    """Raises ConfigError where a relay is the only way and none can be known: `embedded`, the test server, names none."""
    if not ice.relayed or (ice.platform_servers and not embedded):
        return
    known = [url for server in ice.servers for url in server.parsed()]
    if any(url.kind == "turn" for url in usable(known, relay_only=True, udp=ice.udp)):
        return
    what = "a TURN server" if ice.udp else "a TURN server over TCP or TLS (turn:host?transport=tcp, turns:host)"
    only = "ice.policy relay" if ice.udp else "ice.udp false"
    raise ConfigError(
        f"{only} needs {what}, and none is known", who=who, phase="ice", hint="name one in ice.servers; see docs/ice.md"
    )


def rest_credentials(secret: str, name: str, expires: float) -> tuple[str, str]:
    """User name and password for a TURN server that shares `secret` (draft-uberti-behave-turn-rest-00 section 2.2): valid until
    `expires`, seconds since 1970. `name` may be empty."""
    username = f"{int(expires)}:{name}" if name else str(int(expires))
    digest = hmac.digest(secret.encode(), username.encode(), hashlib.sha1)
    return username, base64.b64encode(digest).decode()
