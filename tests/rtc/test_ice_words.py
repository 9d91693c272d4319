"""Every way in which a server can fail, in words."""

from __future__ import annotations

import errno
import socket
import ssl

import pytest

from probe.model.errors import ConnectionFailed
from probe.model.ice_url import parse_ice_url
from probe.rtc.ice_turn import TurnRefused
from probe.rtc.ice_words import TooLate, diagnosis, no_candidate, peer_refusal

URL = parse_ice_url("turns:t.example:443")


def _refused(code: int, reason: str) -> TurnRefused:
    return TurnRefused(code, reason, challenged=True)


def _untrusted() -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_message = "self-signed certificate in certificate chain"
    return error


@pytest.mark.parametrize(
    ("error", "words", "hint"),
    [
        (_refused(401, "Unauthorized"), "refused the credentials of user 'ann' (401 Unauthorized)", "may have expired"),
        (_refused(403, "Forbidden"), "does not let user 'ann' relay (403 Forbidden)", "who runs it"),
        (_refused(437, "Allocation Mismatch"), "has an allocation of this address already (437 ", "in a minute"),
        (_refused(486, "Allocation Quota Reached"), "no further allocation: the quota is used up (486 ", "user-quota"),
        (_refused(508, "Insufficient Capacity"), "has no relay port left (508 Insufficient Capacity)", "min-port"),
        (_refused(500, ""), "refused to relay (500)", "log"),
        (TimeoutError(), "does not answer", "does a firewall drop TLS to port 443?"),
        (TooLate(), "had not answered when others had, and was not waited for", "slow"),
        (
            _untrusted(),
            "shows a certificate that is not to be trusted: self-signed certificate in certificate chain",
            "--ca",
        ),
        (ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong"), "does not speak TLS there", "TLS port"),
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), "is not to be found: Name or service", "DNS"),
        (
            ConnectionRefusedError(errno.ECONNREFUSED, "refused"),
            "is not there: nothing listens on TCP port 443",
            "port",
        ),
        (
            OSError(errno.ENETUNREACH, "Network is unreachable"),
            "can't be reached: Network is unreachable",
            "the way to it",
        ),
        (ConnectionError("it closed the connection"), "failed: it closed the connection", "log"),
    ],
)
def test_diagnoses(error: Exception, words: str, hint: str) -> None:
    told = diagnosis(URL, "ann", error)
    assert told.message.startswith("the TURN server turns:t.example:443 ")
    assert words in told.message
    assert hint in told.hint
    assert told.phase == "ice_gathering"


def test_a_server_that_wants_credentials_from_who_has_none() -> None:
    told = diagnosis(URL, None, TurnRefused(401, "Unauthorized", challenged=False))
    assert "wants credentials, and none were given (401 Unauthorized)" in told.message


def test_nothing_was_gathered() -> None:
    troubles = [ConnectionFailed("one", hint="a"), ConnectionFailed("two", hint="b"), ConnectionFailed("one", hint="a")]
    told = no_candidate((), troubles, None, udp=True)
    assert (told.message, told.hint) == ("gathered no relayed candidate: one; two", "a; b")
    assert "names a TURN server" in no_candidate((), [], None, udp=True).hint
    assert "over TCP or TLS" in no_candidate((), [], None, udp=False).hint
    unbound = no_candidate(
        ("192.0.2.1",), [], OSError(errno.EADDRNOTAVAIL, "Cannot assign requested address"), udp=True
    )
    assert (
        unbound.message == "gathered no candidate: an address of 192.0.2.1 was wanted: Cannot assign requested address"
    )


def test_whom_a_relay_lets_nobody_through_to() -> None:
    assert peer_refusal(URL, "192.0.2.1", "403 Forbidden IP") == (
        "the TURN server turns:t.example:443 does not relay to 192.0.2.1 (403 Forbidden IP)"
    )
