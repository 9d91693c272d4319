"""What a shim server can be told, checked before anything is bound."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass, field

from probe.model.errors import ConfigError
from sfu_shim.core.policy import Policy
from sfu_shim.core.protocol import IceServerEntry


@dataclass(frozen=True, slots=True)
class ShimConfig:
    """Port 0 takes a free one. `media_addresses`: where the SFU's ICE gathers; empty: `host`. Times in seconds.

    An empty `token` lets everybody in and is allowed on loopback only. `video_bitrate` (bits/s) is what publishers are
    told by REMB that they may send.
    """

    host: str = "127.0.0.1"
    port: int = 8787
    token: str = ""
    policy: Policy = field(default_factory=Policy)
    media_addresses: tuple[str, ...] = ()
    join_deadline: float = 5.0
    heartbeat: float = 20.0
    connect_deadline: float = 10.0
    report_interval: float = 1.0
    video_bitrate: float = 5_000_000

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65535:
            raise ConfigError(f"port {self.port} is not in 0..65535", who="sfu-shim")
        for name in ("join_deadline", "heartbeat", "connect_deadline", "report_interval", "video_bitrate"):
            if not getattr(self, name) > 0:
                raise ConfigError(f"{name} must be positive, not {getattr(self, name)}", who="sfu-shim")
        if self.policy.p2p_limit < 0 or not self.policy.migration_deadline > 0 or self.policy.backoff < 0:
            raise ConfigError("p2p limit, migration deadline and backoff must not be negative", who="sfu-shim")
        if not self.token and not is_loopback(self.host):
            raise ConfigError(
                f"binding to {self.host} without a token would open the server to the network",
                who="sfu-shim",
                hint="give --token, or bind to 127.0.0.1",
            )
        if not self.media_addresses and is_unspecified(self.host):
            raise ConfigError(
                f"{self.host} is no address that media could be sent to",
                who="sfu-shim",
                hint="name this machine's own addresses with --media-address",
            )

    @property
    def addresses(self) -> tuple[str, ...]:
        """Where the SFU gathers ICE candidates."""
        if self.media_addresses:
            return self.media_addresses
        return ("127.0.0.1",) if self.host == "localhost" else (self.host,)


def ice_servers(urls: Sequence[str], username: str, credential: str) -> tuple[IceServerEntry, ...]:
    """What clients are told; user name and password go with TURN only (W3C webrtc-pc section 4.2.4). Raises ConfigError for what
    is no URL of a STUN or TURN server (RFC 7064, RFC 7065)."""
    found = []
    for url in urls:
        scheme, _, rest = url.partition(":")
        if scheme not in ("stun", "turn", "turns") or not rest or rest.startswith("/"):
            raise ConfigError(
                f"{url!r} is no STUN or TURN server", who="--ice-server", hint="write it like turn:turn.example:3478"
            )
        if scheme != "stun" and not (username and credential):
            raise ConfigError(
                f"{url!r} needs a user name and a password",
                who="--ice-server",
                hint="give --ice-username, and SFU_SHIM_ICE_CREDENTIAL in the environment",
            )
        found.append(IceServerEntry((url,)) if scheme == "stun" else IceServerEntry((url,), username, credential))
    return tuple(found)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server bound to `host`. Names other than localhost count as reachable."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_unspecified(host: str) -> bool:
    """Whether `host` means all addresses of the machine."""
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False
