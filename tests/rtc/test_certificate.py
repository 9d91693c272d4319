"""What all peers share: the certificate, its context and its fingerprints."""

from __future__ import annotations

import hashlib

from aiortc.rtcdtlstransport import (
    SRTP_AEAD_AES_128_GCM,
    SRTP_AEAD_AES_256_GCM,
    SRTP_AES128_CM_SHA1_80,
    SRTP_PROFILES,
)
from cryptography.hazmat.primitives.serialization import Encoding
from OpenSSL import SSL

from probe.rtc.certificate import PREFERRED_PROFILES, SharedCertificate, preferred_profiles, shared_certificate


def test_the_certificate_is_made_once() -> None:
    assert shared_certificate() is shared_certificate()


def test_fingerprints_are_those_of_the_certificate() -> None:
    certificate = SharedCertificate.generateCertificate()
    first, second = certificate.getFingerprints(), certificate.getFingerprints()
    assert [f.algorithm for f in first] == ["sha-256", "sha-384", "sha-512"]
    digest = hashlib.sha256(certificate._cert.public_bytes(Encoding.DER)).hexdigest().upper()
    assert first[0].value.replace(":", "") == digest
    first.clear()  # a list of one's own: nobody can spoil it for the others
    assert certificate.getFingerprints() == second


def test_one_context_serves_all_until_other_profiles_are_wanted() -> None:
    certificate = SharedCertificate.generateCertificate()
    context = certificate._create_ssl_context(PREFERRED_PROFILES)
    assert certificate._create_ssl_context(list(PREFERRED_PROFILES)) is context
    other = certificate._create_ssl_context([SRTP_AES128_CM_SHA1_80])
    assert other is not context
    assert certificate._create_ssl_context([SRTP_AES128_CM_SHA1_80]) is other


def test_the_shared_context_keeps_no_sessions() -> None:
    context = SharedCertificate.generateCertificate()._create_ssl_context(
        PREFERRED_PROFILES
    )  # one that nobody has used
    assert context.get_session_cache_mode() == SSL.SESS_CACHE_OFF
    assert context.set_mode(0) & SSL.MODE_RELEASE_BUFFERS  # the mask as it is


def test_the_cheapest_profile_comes_first_and_none_is_lost() -> None:
    mixed = [SRTP_AES128_CM_SHA1_80, SRTP_AEAD_AES_256_GCM, SRTP_AEAD_AES_128_GCM]
    assert preferred_profiles(mixed) == [SRTP_AEAD_AES_128_GCM, SRTP_AEAD_AES_256_GCM, SRTP_AES128_CM_SHA1_80]
    assert sorted(map(repr, PREFERRED_PROFILES)) == sorted(map(repr, SRTP_PROFILES))
