"""STUN and TURN servers as peers use them, with the secrets that a scenario only points to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from probe.model.errors import ConfigError
from probe.model.ice import Ice, IceServerSpec, rest_credentials
from probe.model.platform import SYSTEM, Tls

_MOST_SECRET = 4096


@dataclass(frozen=True, slots=True)
class IceServer:
    """A STUN or TURN server, as in W3C RTCIceServer."""

    urls: tuple[str, ...]
    username: str | None = None
    credential: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class IceChoice:
    """What all peers of a run have in common: the scenario's `servers`, what is forbidden (`probe.model.ice.Ice`), and whose
    certificates TURN over TLS may show."""

    servers: tuple[IceServer, ...] = ()
    relay_only: bool = False
    udp: bool = True
    platform_servers: bool = True
    tls: Tls = SYSTEM

    def beside(self, named: tuple[IceServer, ...]) -> tuple[IceServer, ...]:
        """The servers of a participant to whom the platform `named` some."""
        return self.servers + named if self.platform_servers else self.servers


def ice_choice(ice: Ice, environment: Mapping[str, str], now: float, tls: Tls = SYSTEM) -> IceChoice:
    """`now`: seconds since 1970, from which short-lived passwords count. Raises ConfigError for a secret that is not there."""
    servers = tuple(_server(spec, environment, now) for spec in ice.servers)
    return IceChoice(servers, ice.policy == "relay", ice.udp, ice.platform_servers, tls)


def _server(spec: IceServerSpec, environment: Mapping[str, str], now: float) -> IceServer:
    who = f"ice.servers {spec.urls[0]}"
    shared = _secret(spec.rest_secret_env, spec.rest_secret_file, environment, who)
    if shared is not None:
        return IceServer(spec.urls, *rest_credentials(shared, spec.username or "", now + spec.rest_ttl))
    return IceServer(spec.urls, spec.username, _secret(spec.credential_env, spec.credential_file, environment, who))


def _secret(variable: str | None, file: Path | None, environment: Mapping[str, str], who: str) -> str | None:
    """None where neither is given."""
    if variable is not None:
        found = environment.get(variable, "")
        if not found:
            raise ConfigError(f"the environment variable {variable} is not set", who=who, hint="it holds the secret")
        return found
    if file is None:
        return None
    try:
        with file.open(encoding="utf-8") as handle:
            found = handle.read(_MOST_SECRET).strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise ConfigError(f"can't read {file}: {why}", who=who, hint="it holds the secret") from error
    if not found:
        raise ConfigError(f"{file} is empty", who=who, hint="it holds the secret")
    return found
