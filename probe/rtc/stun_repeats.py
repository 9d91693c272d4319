"""STUN checks that repeat the one before, but for the transaction: answered without taking them apart.

On a connection that is up each side asks every few seconds whether the other still wants its media (RFC 7675), always with the
same attributes. aioice reads such a request attribute by attribute and puts the answer together the same way, which costs
more than a hundred packets of media do. What it has accepted once is known here by its bytes; authenticity (RFC 8489
sections 9.1 and 14.7) is checked each time, as aioice checks it. Whatever differs is left to aioice.
"""

from __future__ import annotations

import hmac
import socket
import struct
from binascii import crc32

BINDING_REQUEST = b"\x00\x01"
BINDING_SUCCESS = b"\x01\x01"
_COOKIE = b"\x21\x12\xa4\x42"
_HEADER = 20
_TAIL = 32
"""Bytes of MESSAGE-INTEGRITY and FINGERPRINT, which end a check and its answer."""
_INTEGRITY = b"\x00\x08\x00\x14"
_FINGERPRINT = b"\x80\x28\x00\x04"
_USE_CANDIDATE = b"\x00\x25\x00\x00"
_XOR_MAPPED_IPV4 = b"\x00\x20\x00\x08\x00\x01"
_FINGERPRINT_XOR = 0x5354554E
_WORD = struct.Struct("!I")
_HALF = struct.Struct("!H")


def _integrity(message: bytes, key: bytes) -> bytes:
    """The code that belongs into a message that ends before it: the length counts it already (RFC 8489 section 14.5)."""
    length = _HALF.pack(len(message) - _HEADER + 24)
    return hmac.digest(key, message[:2] + length + message[4:], "sha1")


def _fingerprint(message: bytes) -> bytes:
    """Of a message that ends before it, its length counting it already (RFC 8489 section 14.7)."""
    return _WORD.pack(crc32(message) ^ _FINGERPRINT_XOR)


def is_authentic(message: bytes, key: bytes) -> bool:
    """Whether a message that ends with MESSAGE-INTEGRITY and FINGERPRINT is whole and was signed with that key."""
    return (
        len(message) >= _HEADER + _TAIL
        and message[-8:-4] == _FINGERPRINT
        and message[-32:-28] == _INTEGRITY
        and message[-4:] == _fingerprint(message[:-8])
        and hmac.compare_digest(message[-28:-8], _integrity(message[:-_TAIL], key))
    )


class StunRepeats:
    """Answers for one socket. `password`: ours, with which its checks are signed."""

    def __init__(self, password: str) -> None:
        self._key = password.encode()
        self._known: tuple[object, bytes, bytes] | None = None
        self._mapped = b""

    def learn(self, request: bytes, address: tuple[str, int], role: object) -> None:
        """aioice has accepted this one from `address`, while we had this role, and it asked for nothing but an answer. No effect
        for one of another form than the usual (IPv4, authenticity at the end)."""
        self._known = None
        if _USE_CANDIDATE in request or ":" in address[0] or not is_authentic(request, self._key):
            return
        port, host = address[1] ^ 0x2112, socket.inet_aton(address[0])
        self._mapped = _XOR_MAPPED_IPV4 + _HALF.pack(port) + bytes(a ^ b for a, b in zip(host, _COOKIE, strict=True))
        self._known = ((address, role), request[:8], request[_HEADER:-28])

    def answer(self, request: bytes, address: tuple[str, int], role: object) -> bytes | None:
        """The success response, if this is the known request again, but for the transaction. None for any other."""
        if self._known is None or self._known != ((address, role), request[:8], request[_HEADER:-28]):
            return None
        if not is_authentic(request, self._key):
            return None
        transaction = _COOKIE + request[8:_HEADER]
        code = _integrity(b"\x01\x01\x00\x00" + transaction + self._mapped, self._key)
        answer = b"\x01\x01\x00\x2c" + transaction + self._mapped + _INTEGRITY + code
        return answer + _FINGERPRINT + _fingerprint(answer)
