"""DTLS-SRTP (RFC 5764) of one connection, driven by the datagrams that arrive: no task, no queue, and no timer once it is up.

The cryptography is OpenSSL's, and what the other side sees is what aiortc says: its contexts, profiles, key extraction and
check of the fingerprints. aiortc's own transport wakes a task for each datagram and enters OpenSSL twice for it; in a join that
costs half as much again as the handshake.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Literal

from aiortc.rtcdtlstransport import X509_DIGEST_ALGORITHMS, SRTPProtectionProfile, certificate_digest
from OpenSSL import SSL
from pylibsrtp import Policy, Session

from probe.rtc.certificate import PREFERRED_PROFILES, SharedCertificate
from probe.rtc.sealing import OutboundSession

Role = Literal["client", "server"]
Fingerprints = Sequence[tuple[str, str]]
Sessions = tuple[Session, Session]

_MOST_EARLY = 16
"""Datagrams kept until we know our role: more than a handshake has."""
_DATAGRAM = 2048
"""Bytes taken out of OpenSSL at a time: a flight of ours is about 800."""
_REPLAY_WINDOW = 1024
_FIRST_PATIENCE = 0.05
"""Seconds from our first message to its repetition, doubled each time; browsers wait as long where the network is near. Whose ICE
comes up a moment later than ours drops what came before, and OpenSSL's own first patience is a whole second of a join."""
_LAST_PATIENCE = 0.4
"""The last repetition is due 0.75 s after the message: then OpenSSL takes over."""
_EXPORTER = b"EXTRACTOR-dtls_srtp"  # RFC 5764 section 4.2


class DtlsError(Exception):
    """No association came about: the reason."""


class Dtls:
    """`send(datagram)` hands one to the other side; `on_closed()` is called once, when the other side ends what was up."""

    def __init__(
        self, certificate: SharedCertificate, send: Callable[[bytes], object], on_closed: Callable[[], None]
    ) -> None:
        self._certificate = certificate
        self._send = send
        self._on_closed = on_closed
        self._role: Role = "client"
        self._fingerprints: Fingerprints = ()
        self._ssl: SSL.Connection | None = None
        self._early: list[bytes] = []
        self._outcome: asyncio.Future[Sessions] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._insisting: asyncio.TimerHandle | None = None
        self._over = False

    async def connect(self, role: Role, fingerprints: Fingerprints) -> Sessions:
        """Shake hands with the owner of the certificate of these `fingerprints` (hash, value), and return the SRTP sessions:
        what unprotects the other side's packets, and what protects ours. Raises DtlsError; the caller sets the deadline."""
        if self._over:
            raise DtlsError("closed")
        self._role, self._fingerprints = role, fingerprints
        self._outcome = asyncio.get_running_loop().create_future()
        self._ssl = SSL.Connection(self._certificate._create_ssl_context(PREFERRED_PROFILES))
        if role == "client":
            self._ssl.set_connect_state()
        else:
            self._ssl.set_accept_state()
        early, self._early = self._early, []
        hello = self._advance()
        if role == "client" and not early:
            self._insist(hello, _FIRST_PATIENCE)
        for data in early:
            self.arrived(data)
        return await self._outcome

    @property
    def profile(self) -> str:
        """OpenSSL's name of the SRTP profile that was agreed on, empty before."""
        return self._ssl.get_selected_srtp_profile().decode() if self._ssl is not None else ""

    def arrived(self, data: bytes) -> None:
        """A DTLS datagram of the other side."""
        if self._over:
            return
        if self._ssl is None or self._outcome is None:
            if len(self._early) < _MOST_EARLY:
                self._early.append(data)
            return
        if self._insisting is not None:
            self._insisting.cancel()
        self._ssl.bio_write(data)
        if self._outcome.done():
            self._listen(self._ssl)
        else:
            self._advance()

    def close(self) -> None:
        """Say goodbye (close_notify). Whoever waits in `connect` gets a DtlsError. Idempotent."""
        if self._over:
            return
        if self._ssl is not None:
            with suppress(SSL.Error):  # in the middle of the handshake there is nothing to end
                self._ssl.shutdown()
            self._flush(self._ssl)
        self._end("closed")

    # the handshake

    def _advance(self) -> bytes:
        """As far as what has arrived goes. Returns what we have to say for now."""
        said = b""
        assert self._ssl is not None
        assert self._outcome is not None
        try:
            self._ssl.do_handshake()
        except SSL.WantReadError:
            said = self._flush(self._ssl)
            self._wait(self._ssl)
        except SSL.Error as error:
            self._flush(self._ssl)  # an alert tells the other side
            self._end(f"{error!r}")
        else:
            self._flush(self._ssl)
            self._finish(self._ssl, self._outcome)
        return said

    def _insist(self, hello: bytes, patience: float) -> None:
        """Until anything is heard. The same datagram again: who has it already sees a replay (RFC 6347 section 4.1.2.6)."""
        if patience > _LAST_PATIENCE:
            return

        def again() -> None:
            self._send(hello)
            self._insist(hello, 2 * patience)

        self._insisting = asyncio.get_running_loop().call_later(patience, again)

    def _finish(self, ssl: SSL.Connection, outcome: asyncio.Future[Sessions]) -> None:
        if not _genuine(ssl, self._fingerprints):
            self._end("the certificate has another fingerprint than the description tells")
        elif (profile := _agreed(ssl)) is None:
            self._end("no SRTP profile in common")
        else:
            self._wait(ssl)
            outcome.set_result(_sessions(ssl, profile, self._role))

    def _wait(self, ssl: SSL.Connection) -> None:
        """For the answer; when OpenSSL's patience is over our flight is sent again (RFC 6347 section 4.2.4)."""
        if self._timer is not None:
            self._timer.cancel()
        timeout = ssl.DTLSv1_get_timeout()
        loop = asyncio.get_running_loop()
        self._timer = None if timeout is None else loop.call_later(timeout, self._send_again, ssl)

    def _send_again(self, ssl: SSL.Connection) -> None:
        try:
            ssl.DTLSv1_handle_timeout()
        except SSL.Error as error:
            self._end(f"{error!r}")
        else:
            self._flush(ssl)
            self._wait(ssl)

    # once it is up

    def _listen(self, ssl: SSL.Connection) -> None:
        """A goodbye, or a flight of the handshake that the other side sends again and OpenSSL answers."""
        try:
            ssl.recv(_DATAGRAM)
        except SSL.ZeroReturnError:
            self._end("closed by the other side")
            self._on_closed()
        except SSL.Error:
            self._flush(ssl)

    def _flush(self, ssl: SSL.Connection) -> bytes:
        try:
            data: bytes = ssl.bio_read(_DATAGRAM)
        except SSL.WantReadError:
            return b""  # nothing to say
        self._send(data)
        return data

    def _end(self, reason: str) -> None:
        self._over = True
        for timer in (self._timer, self._insisting):
            if timer is not None:
                timer.cancel()
        if self._outcome is not None and not self._outcome.done():
            self._outcome.set_exception(DtlsError(reason))


def _genuine(ssl: SSL.Connection, fingerprints: Fingerprints) -> bool:
    """RFC 8122 section 5: of the hash functions that we know there is one at least, and all fit."""
    certificate = ssl.get_peer_certificate(as_cryptography=True)
    known = [(name.lower(), value.upper()) for name, value in fingerprints if name.lower() in X509_DIGEST_ALGORITHMS]
    return (
        certificate is not None
        and bool(known)
        and all(certificate_digest(certificate, name) == value for name, value in known)
    )


def _agreed(ssl: SSL.Connection) -> SRTPProtectionProfile | None:
    name = ssl.get_selected_srtp_profile()
    return next((profile for profile in PREFERRED_PROFILES if profile.openssl_profile == name), None)


def _sessions(ssl: SSL.Connection, profile: SRTPProtectionProfile, role: Role) -> Sessions:
    """RFC 5764 section 4.2: the client's key and salt come first, then the server's."""
    material = ssl.export_keying_material(_EXPORTER, 2 * (profile.key_length + profile.salt_length))
    ours = 0 if role == "client" else 1
    return (
        _session(profile, profile.get_key_and_salt(material, 1 - ours), Policy.SSRC_ANY_INBOUND),
        _session(profile, profile.get_key_and_salt(material, ours), Policy.SSRC_ANY_OUTBOUND),
    )


def _session(profile: SRTPProtectionProfile, key: bytes, direction: int) -> Session:
    policy = Policy(key=key, ssrc_type=direction, srtp_profile=profile.libsrtp_profile)
    policy.allow_repeat_tx = True  # a retransmission is protected a second time
    policy.window_size = _REPLAY_WINDOW
    if direction == Policy.SSRC_ANY_INBOUND:
        return Session(policy)
    return OutboundSession(policy, profile.libsrtp_profile, key)
