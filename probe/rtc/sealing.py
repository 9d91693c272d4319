"""The session that protects what we send: libsrtp's, and beside it the compiled path's own, where that knows the profile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pylibsrtp import Policy, Session

from probe.native import core

if TYPE_CHECKING:
    from probe.native._core import Seal


class OutboundSession(Session):
    """`seal` protects the streams of compiled tracks, which never go through libsrtp then: both would count their packets. None
    where there is no compiled path, or another profile than AES-128-GCM (RFC 7714) was agreed on."""

    def __init__(self, policy: Policy, profile: int, master: bytes) -> None:
        super().__init__(policy)
        able = core is not None and core.seals() and profile == Policy.SRTP_PROFILE_AEAD_AES_128_GCM
        self.seal: Seal | None = core.Seal(master) if able else None
