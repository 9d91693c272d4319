"""What a peer connection is told before it begins."""

from __future__ import annotations

from dataclasses import dataclass

from probe.model.platform import SYSTEM, Tls
from probe.rtc.ice_server import IceServer
from probe.rtc.reading import Reading


@dataclass(frozen=True, slots=True)
class PeerConfig:
    """`addresses`: where ICE gathers. `connect_deadline`: seconds for ICE and DTLS together. `codecs`: names of the
    video codecs to offer, best first; empty for all. `reading`: who reads the socket once the connection is up, for who looks
    at headers only; one in `authenticate_every` packets is authenticated then. `udp` false: as if the network let none out, but
    through TURN over TCP or TLS, whose certificates `tls` judges, or to candidates that listen on TCP."""

    addresses: tuple[str, ...] = ("127.0.0.1",)
    ice_servers: tuple[IceServer, ...] = ()
    relay_only: bool = False
    connect_deadline: float = 10.0
    codecs: tuple[str, ...] = ()
    reading: Reading | None = None
    authenticate_every: int = 1
    udp: bool = True
    tls: Tls = SYSTEM
