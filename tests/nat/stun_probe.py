"""Which NAT is this? RFC 5780's tests with a STUN server of two addresses; `python -m tests.nat.stun_probe ADDRESS PORT`.

Prints one JSON object: {"local", "mapped": [[address, port], …], "mapping", "filtering"}. Blocking, standard library and STUN
messages only: nothing of the probe's own ICE is used to judge the NATs that it is to be tested behind.
"""

from __future__ import annotations

import json
import socket
import sys
import time

from aioice import stun

from tests.nat.theory import Dependence

Address = tuple[str, int]
_TRIES = 3
_PATIENCE = 0.3
"""Seconds for an answer to one request: the net of a test answers within a millisecond, a loaded machine within this."""
_CHANGE_ADDRESS_AND_PORT, _CHANGE_PORT = 6, 2
"""Flags of CHANGE-REQUEST: RFC 5780 section 7.2."""


def ask(endpoint: socket.socket, server: Address, change: int = 0) -> stun.Message | None:
    """One binding, asked for up to three times. None: no answer came in."""
    request = stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST)
    if change:
        request.attributes["CHANGE-REQUEST"] = change
    for _ in range(_TRIES):
        endpoint.sendto(bytes(request), server)
        answer = _answer(endpoint, request.transaction_id)
        if answer is not None:
            return answer
    return None


def _answer(endpoint: socket.socket, transaction: bytes) -> stun.Message | None:
    deadline = time.monotonic() + _PATIENCE
    while (left := deadline - time.monotonic()) > 0:
        endpoint.settimeout(left)
        try:
            message = stun.parse_message(endpoint.recv(2048))
        except (TimeoutError, ValueError):
            continue
        if message.transaction_id == transaction and message.message_class == stun.Class.RESPONSE:
            return message
    return None


def _needed(endpoint: socket.socket, server: Address) -> stun.Message:
    answer = ask(endpoint, server)
    if answer is None:
        raise SystemExit(f"no STUN server answers at {server[0]}:{server[1]}")
    return answer


def mapped(endpoint: socket.socket, server: Address) -> list[Address]:
    """How the socket looks from the server, from its other address, and from another port of that."""
    first = _needed(endpoint, server)
    other: Address | None = first.attributes.get("OTHER-ADDRESS")
    if other is None:
        raise SystemExit(f"{server[0]}:{server[1]} has one address only: it can't tell one NAT from another")
    answers = [first, _needed(endpoint, (other[0], server[1])), _needed(endpoint, other)]
    return [answer.attributes["XOR-MAPPED-ADDRESS"] for answer in answers]


def mapping(seen: list[Address]) -> Dependence:
    """RFC 5780 section 4.3, of what `mapped` gave."""
    first, other_address, other_port = seen
    if first == other_address == other_port:
        return Dependence.NONE
    return Dependence.ADDRESS if other_address == other_port else Dependence.PORT


def filtering(endpoint: socket.socket, server: Address) -> Dependence:
    """RFC 5780 section 4.4, with a socket that has sent to that server only."""
    _needed(endpoint, server)
    if ask(endpoint, server, _CHANGE_ADDRESS_AND_PORT) is not None:
        return Dependence.NONE
    return Dependence.ADDRESS if ask(endpoint, server, _CHANGE_PORT) is not None else Dependence.PORT


def _socket(server: Address) -> socket.socket:
    """On the address that leads to the server."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as route:
        route.connect(server)
        address = route.getsockname()[0]
    endpoint = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    endpoint.bind((address, 0))
    return endpoint


def main(server: Address) -> None:
    with _socket(server) as one, _socket(server) as two:
        seen = mapped(one, server)
        found = {"mapping": mapping(seen), "filtering": filtering(two, server)}
        print(json.dumps({"local": one.getsockname(), "mapped": seen, **found}))


if __name__ == "__main__":
    main((sys.argv[1], int(sys.argv[2])))
