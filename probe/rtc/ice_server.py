"""STUN and TURN servers as peers use them, with the secrets that a scenario only points to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from probe.model.errors import ConfigError
from probe.model.ice import Ice, IceServerSpec, check_relay, rest_credentials
from probe.model.platform import SYSTEM, Tls
from probe.model.scenario import Scenario

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


def check_ice(scenario: Scenario, environment: Mapping[str, str], *, embedded: bool) -> None:
    """Raises ConfigError for what can't work, as far as that can be known before the first packet. `embedded`: the platform is
    our own test server."""
    ice = scenario.ice
    ice_choice(ice, environment, 0.0)
    check_relay(ice, embedded=embedded)
    if ice.relayed and (scenario.network is not None or scenario.networks):
        raise ConfigError(
            "an emulated network can't stand before a relay",
            who="network",
            phase="ice",
            hint="leave one of the two out",
        )
    if ice.relayed and scenario.browsers:
        raise ConfigError(
            "they would take the direct way",
            who="browsers",
            phase="ice",
            hint="leave them out where a relay is the only way",
        )


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
            raise ConfigError(f"the environment variable {variable} is not set", who=who, hint="set it to the secret")
        return found
    if file is None:
        return None
    try:
        with file.open(encoding="utf-8") as handle:
            found = handle.read(_MOST_SECRET).strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise ConfigError(f"can't read {file}: {why}", who=who, hint="it should hold the secret") from error
    if not found:
        raise ConfigError(f"{file} is empty", who=who, hint="it should hold the secret")
    return found
