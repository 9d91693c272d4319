"""What can go wrong, told by who failed. The tree, drawn once:

ProbeError
├── ConfigError         the user's input: scenario, targets, options, files
├── SignallingError     the server, or the way to it, before media
│   ├── ServerUnreachable
│   ├── AccessDenied
│   └── ProtocolError   the server answered, but not what the protocol says
├── NegotiationError    SDP that offers nothing usable
├── ConnectionFailed    ICE or DTLS did not come up, or went away
├── MediaError          a media file or a codec
└── MeasurementError    the generator itself can't measure
"""

from __future__ import annotations

import errno
import os


class ProbeError(Exception):
    """Base of all expected failures.

    `message` says what happened, `who` which participant, server or file failed, `phase` the step of the join or
    run it failed in, `hint` what the user can do.
    """

    def __init__(self, message: str, *, who: str = "", phase: str = "", hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.who = who
        self.phase = phase
        self.hint = hint

    def __str__(self) -> str:
        head = ": ".join(part for part in (self.who, self.phase, self.message) if part)
        return f"{head} ({self.hint})" if self.hint else head


class ConfigError(ProbeError):
    """The user's input is wrong: nothing was sent yet."""


class SignallingError(ProbeError):
    """The meeting could not be entered or was lost through its signalling server."""


class ServerUnreachable(SignallingError):
    """No connection to the server: name, port, TLS or a timeout."""


class AccessDenied(SignallingError):
    """The server refused the token or the room."""


class ProtocolError(SignallingError):
    """The server answered something that the protocol does not allow."""


class NegotiationError(ProbeError):
    """The descriptions of both sides share nothing that could be used."""


class ConnectionFailed(ProbeError):
    """A peer connection did not come up or did not last; `phase` names the step."""


class MediaError(ProbeError):
    """A media file can't be read or a codec can't be used."""


class MeasurementError(ProbeError):
    """The measuring process itself failed: its figures can't be trusted."""


_SHORTAGES = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EADDRNOTAVAIL, errno.EADDRINUSE})
_CHAIN = 10


def shortage(error: BaseException | None) -> str:
    """What this machine had no more of when `error` came about ("Too many open files"), by the system's word somewhere among
    its causes; empty if it is not that. A failure of ours then, whatever it looks like, and none of the platform."""
    for _ in range(_CHAIN):
        if error is None:
            return ""
        if isinstance(error, OSError) and error.errno in _SHORTAGES:
            return os.strerror(error.errno)
        error = error.__cause__ or error.__context__
    return ""
