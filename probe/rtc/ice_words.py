"""What went wrong with a STUN or TURN server, in words."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Sequence

from probe.model.errors import ConnectionFailed
from probe.model.ice_url import IceUrl
from probe.rtc.ice_turn import TurnRefused

PHASE = "ice_gathering"
_REFUSALS = {
    400: ("does not understand our request", "is it a TURN server?"),
    403: ("does not let user {user} relay", "ask who runs it: the user, or this address, is forbidden there"),
    437: ("has an allocation of this address already", "the address was used a moment ago: try again in a minute"),
    438: ("takes none of its own nonces", "its clock or its cluster is out of step"),
    440: ("has no relay of that version of IP", "give it one, or leave that version out of ice.families"),
    441: ("says that the allocation is another user's", "check whose credentials these are"),
    442: ("does not relay UDP", "give it UDP relay ports"),
    486: ("grants user {user} no further allocation: the quota is used up", "raise user-quota or total-quota there"),
    508: ("has no relay port left", "give it more relay ports (min-port, max-port), or another server beside it"),
}
_CHECK = "check username and credential; short-lived ones (TURN REST) may have expired, or the secrets differ"


class TooLate(Exception):
    """Others had answered long before, and nobody waited for this one."""


def server_words(url: IceUrl) -> str:
    """the TURN server turn:host:3478"""
    return f"the {url.kind.upper()} server {url}"


def diagnosis(url: IceUrl, username: str | None, error: Exception) -> ConnectionFailed:
    """`error`: TurnRefused, TooLate, TimeoutError or OSError of one attempt to use the server."""
    if isinstance(error, TurnRefused) and url.kind == "stun":
        what, hint = f"answers with an error ({error})", "is it a STUN server?"
    else:
        what, hint = _refusal(error, username) if isinstance(error, TurnRefused) else _failure(url, error)
    return ConnectionFailed(f"{server_words(url)} {what}", phase=PHASE, hint=hint)


def _refusal(error: TurnRefused, username: str | None) -> tuple[str, str]:
    user = repr(username) if username is not None else "without a name"
    if error.code == 401:
        if username is None:
            return f"wants credentials, and none were given ({error})", "give username and credential beside its URL"
        return f"refused the credentials of user {user} ({error})", _CHECK
    words, hint = _REFUSALS.get(error.code, ("refused to relay", "see its log"))
    return f"{words.format(user=user)} ({error})", hint


def _failure(url: IceUrl, error: Exception) -> tuple[str, str]:
    match error:
        case TooLate():
            return "had not answered when others had, and was not waited for", "it is slow, or does not answer at all"
        case ssl.SSLCertVerificationError():
            return (
                f"shows a certificate that is not to be trusted: {error.verify_message}",
                "--ca names its authority; --insecure trusts anybody",
            )
        case ssl.SSLError():
            why = getattr(error, "reason", None) or error
            return f"does not speak TLS there: {why}", "turns: wants its TLS port, mostly 5349 or 443"
        case socket.gaierror():
            return f"is not to be found: {error.strerror}", "check the name, and this machine's DNS"
        case TimeoutError():
            way = {"udp": "UDP", "tcp": "TCP", "tls": "TLS"}[url.way]
            return "does not answer", f"is it up, and does a firewall drop {way} to port {url.port}?"
        case ConnectionRefusedError():
            return f"is not there: nothing listens on TCP port {url.port}", "check the port, and that it is up"
        case OSError() if error.strerror:
            return f"can't be reached: {error.strerror}", "check the address, and the way to it"
    return f"failed: {error}", "see its log"


def no_candidate(
    addresses: Sequence[str], troubles: Sequence[ConnectionFailed], unbound: OSError | None, *, udp: bool
) -> ConnectionFailed:
    """Nothing was gathered. `addresses`: where host candidates were wanted, empty where only a relay would do; `unbound`: why one
    of them is none of this machine's."""
    if addresses or not troubles:
        wanted = f"an address of {', '.join(addresses)}" if addresses else "a relayed candidate"
        why = f": {unbound.strerror}" if unbound is not None else ""
        hint = "check the addresses" if addresses else _NO_RELAY if udp else _NO_STREAM
        return ConnectionFailed(f"gathered no candidate: {wanted} was wanted{why}", phase=PHASE, hint=hint)
    message = "; ".join(dict.fromkeys(trouble.message for trouble in troubles))
    hint = "; ".join(dict.fromkeys(trouble.hint for trouble in troubles))
    return ConnectionFailed(f"gathered no relayed candidate: {message}", phase=PHASE, hint=hint)


_NO_RELAY = "neither the scenario (ice.servers) nor the platform names a TURN server"
_NO_STREAM = (
    "neither the scenario (ice.servers) nor the platform names a TURN server over TCP or TLS, and the other side does not listen "
    "on TCP"
)


def peer_refusal(url: IceUrl, address: str, answer: str) -> str:
    """For a relay that lets nobody through: "the TURN server … does not relay to 192.0.2.1 (403 Forbidden IP)"."""
    return f"{server_words(url)} does not relay to {address} ({answer})"
