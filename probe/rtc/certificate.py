"""One certificate for all peers of this process, and once for all what aiortc would make of it for each connection anew.

An OpenSSL context with its certificate and key costs more than the handshake that is made from it (0.33 ms of 0.58), and
three digests for each description are two too many hundred times over. Contexts are made to be shared: all that belongs to
one connection lives in the connection.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from aiortc import RTCCertificate, RTCDtlsFingerprint
from aiortc.rtcdtlstransport import SRTP_PROFILES, SRTPProtectionProfile
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import SSL

_CHEAPEST_FIRST = (b"SRTP_AEAD_AES_128_GCM", b"SRTP_AEAD_AES_256_GCM", b"SRTP_AES128_CM_SHA1_80")


class SharedCertificate(RTCCertificate):
    """A certificate whose context and fingerprints are made once."""

    def __init__(self, key: ec.EllipticCurvePrivateKey, cert: x509.Certificate) -> None:
        super().__init__(key, cert)
        self._fingerprints = tuple(super().getFingerprints())
        self._context: tuple[tuple[bytes, ...], SSL.Context] | None = None

    def getFingerprints(self) -> list[RTCDtlsFingerprint]:
        """One for each hash function that aiortc knows."""
        return list(self._fingerprints)

    @property
    def sha256(self) -> list[tuple[str, str]]:
        """What descriptions tell of it: one fingerprint is enough (RFC 8122 section 5)."""
        return [(f.algorithm, f.value) for f in self._fingerprints if f.algorithm == "sha-256"]

    def _create_ssl_context(self, srtp_profiles: list[SRTPProtectionProfile]) -> SSL.Context:
        wanted = tuple(profile.openssl_profile for profile in srtp_profiles)
        if self._context is None or self._context[0] != wanted:
            context = super()._create_ssl_context(srtp_profiles)
            # A shared context would keep every peer's session for a resumption that WebRTC never asks for.
            context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
            # After the handshake nothing but a goodbye comes: 14 kB of buffers can serve the next connection meanwhile.
            context.set_mode(SSL.MODE_RELEASE_BUFFERS)
            self._context = wanted, context
        return self._context[1]


@cache
def shared_certificate() -> SharedCertificate:
    """The certificate of every peer of this process: making one costs as much as a whole handshake."""
    return SharedCertificate.generateCertificate()


def preferred_profiles(known: Sequence[SRTPProtectionProfile]) -> list[SRTPProtectionProfile]:
    """The SRTP profiles to offer, the cheapest first. RFC 5764 section 4.1.2 lets the DTLS server choose, and OpenSSL's takes
    the first of its own list that the client has: between two of ours AES-128-GCM, whose packet of 1100 bytes costs 1.8 µs
    and with AES-CM and SHA-1 2.5. All that aiortc knows stay on offer."""
    order = {name: place for place, name in enumerate(_CHEAPEST_FIRST)}
    return sorted(known, key=lambda profile: order.get(profile.openssl_profile, len(order)))


PREFERRED_PROFILES = preferred_profiles(SRTP_PROFILES)
