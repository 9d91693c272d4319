"""Why there is no connection, in the words that every adapter says it in."""

from __future__ import annotations

import errno
import os
import socket
import ssl
from unittest import mock

import aiohttp
import pytest

from probe.model.errors import ProtocolError, ServerUnreachable
from probe.signalling.no_connection import no_connection


def to(port: int) -> mock.Mock:
    """What aiohttp keeps of where it wanted to connect to."""
    return mock.Mock(host="127.0.0.1", port=port, ssl=True, is_ssl=False)


def untrusted() -> aiohttp.ClientConnectorCertificateError:
    error = ssl.SSLCertVerificationError(1, "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed (_ssl.c:1006)")
    error.verify_message = "unable to get local issuer certificate"
    return aiohttp.ClientConnectorCertificateError(to(8443), error)


def plain() -> aiohttp.ClientConnectorSSLError:
    error = ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number (_ssl.c:1006)")
    error.reason = "WRONG_VERSION_NUMBER"
    return aiohttp.ClientConnectorSSLError(to(8790), error)


REFUSED = OSError(errno.ECONNREFUSED, "Connect call failed ('127.0.0.1', 8799)")
UNKNOWN = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
TOLD: dict[str, tuple[Exception, str]] = {
    "certificate": (
        untrusted(),
        "TLS certificate refused: unable to get local issuer certificate (name the CA's certificate by --ca; "
        "--insecure trusts anybody's)",
    ),
    "no TLS": (
        plain(),
        "no TLS: wrong version number (does it speak TLS there? Without it the URL begins with ws:// or http://)",
    ),
    "refused": (
        aiohttp.ClientConnectorError(to(8799), REFUSED),
        "can't connect: Connection refused (is the server running, and is the URL right?)",
    ),
    "name": (
        aiohttp.ClientConnectorDNSError(to(80), UNKNOWN),
        "can't connect: Name or service not known (is the server running, and is the URL right?)",
    ),
    "proxy": (
        aiohttp.ClientProxyConnectionError(to(3128), REFUSED),
        "can't connect to the proxy 127.0.0.1:3128: Connection refused (HTTPS_PROXY or the like in the environment names "
        "it; NO_PROXY says for whom it does not count)",
    ),
    "reset": (
        ConnectionResetError(errno.ECONNRESET, os.strerror(errno.ECONNRESET)),
        "can't connect: Connection reset by peer (is the server running, and is the URL right?)",
    ),
    "without a number": (
        OSError("Multiple exceptions: one, two"),
        "can't connect: Multiple exceptions: one, two (is the server running, and is the URL right?)",
    ),
    "silence": (
        TimeoutError(),
        "no answer within 10 s (the server accepts connections but does not answer, or a firewall drops them)",
    ),
}
"""Errors and what becomes of them, with the hint in brackets as a report has it."""


@pytest.mark.parametrize("case", TOLD)
def test_the_cause_is_told_without_what_the_libraries_put_around_it(case: str) -> None:
    error, words = TOLD[case]
    told = no_connection(error, who="x", phase="y", deadline=10.0, server="the server", what="is it?")
    assert isinstance(told, ServerUnreachable)
    assert f"{told.message} ({told.hint})" == words
    assert (told.who, told.phase) == ("x", "y")


def test_an_answer_that_makes_no_sense_is_the_server_s() -> None:
    told = no_connection(
        aiohttp.ServerDisconnectedError(), who="x", phase="y", deadline=10.0, server="the server", what="is it?"
    )
    assert isinstance(told, ProtocolError)
    assert (told.message, told.hint) == ("Server disconnected", "is it?")
