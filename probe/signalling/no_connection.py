"""Why an HTTP or WebSocket connection did not come about, in words that all adapters share."""

from __future__ import annotations

import os
import ssl

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError

from probe.model.errors import ProtocolError, ServerUnreachable, SignallingError


def no_connection(
    error: Exception, *, who: str, phase: str, deadline: float, server: str, what: str
) -> SignallingError:
    """`deadline`: seconds that were waited; `server` is who should run there ("Janus"), `what` what is to be asked of an
    answer that makes no sense ("is this an HTTP server?")."""
    if isinstance(error, TimeoutError):
        hint = "the server accepts connections but does not answer, or a firewall drops them"
        return ServerUnreachable(f"no answer within {deadline:g} s", who=who, phase=phase, hint=hint)
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        hint = "name the CA's certificate by --ca; --insecure trusts anybody's"
        told = f"TLS certificate refused: {_system_s_words(error.certificate_error)}"
        return ServerUnreachable(told, who=who, phase=phase, hint=hint)
    if isinstance(error, (aiohttp.ClientSSLError, ssl.SSLError)):
        hint = "does it speak TLS there? Without it the URL begins with ws:// or http://"
        return ServerUnreachable(f"no TLS: {_system_s_words(error)}", who=who, phase=phase, hint=hint)
    if isinstance(error, aiohttp.ClientProxyConnectionError):
        hint = "HTTPS_PROXY or the like in the environment names it; NO_PROXY says for whom it does not count"
        told = f"can't connect to the proxy {error.host}:{error.port}: {_system_s_words(error)}"
        return ServerUnreachable(told, who=who, phase=phase, hint=hint)
    if isinstance(error, (aiohttp.ClientConnectorError, OSError)):
        hint = f"is {server} running, and is the URL right?"
        return ServerUnreachable(f"can't connect: {_system_s_words(error)}", who=who, phase=phase, hint=hint)
    return ProtocolError(in_words(error), who=who, phase=phase, hint=what)


def _system_s_words(error: Exception) -> str:
    """What the system or OpenSSL says, without what asyncio and aiohttp put around it."""
    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    if isinstance(cause, ssl.SSLCertVerificationError):
        return cause.verify_message
    if isinstance(cause, ssl.SSLError) and cause.reason:
        return cause.reason.replace("_", " ").lower()
    if isinstance(cause, OSError) and cause.errno is not None and cause.errno > 0:  # of name lookups: below
        return os.strerror(cause.errno)
    return getattr(cause, "strerror", None) or str(cause)


def in_words(error: Exception) -> str:
    """What it says, without the request that it is about: aiohttp tells its URL and headers too, and they may hold secrets."""
    if isinstance(error, aiohttp.InvalidURL):
        return "not a URL that can be asked"
    if not isinstance(error, aiohttp.ClientResponseError):
        return str(error) or type(error).__name__
    if isinstance(error.__cause__, HttpProcessingError):  # its status is aiohttp's own
        return f"the answer is no HTTP: {error.__cause__.message.splitlines()[0]}"
    return f"HTTP {error.status}"
