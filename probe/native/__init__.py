"""The packet path of many participants, compiled where a C compiler was found at installation.

Without the extension, or with MEETPROBE_NATIVE=0 in the environment, the same work is done in Python: same results, more CPU.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from pylibsrtp import Session
from pylibsrtp import _binding

if TYPE_CHECKING:
    from types import ModuleType

_ffi = _binding.ffi
PRIVATE_ATTRIBUTES = {"pylibsrtp._binding": ("ffi", "lib"), "pylibsrtp.Session": ("_srtp",)}
"""What is used and not public; tests/rtc/test_private_attributes.py checks each one."""


def _load() -> ModuleType | None:
    if os.environ.get("MEETPROBE_NATIVE", "1") == "0":
        return None
    try:
        from probe.native import _core
    except ImportError:
        return None  # no compiler at installation, or another platform: `available` says so, `probe capacity` prints it
    _core.use_srtp(_address("srtp_protect"), _address("srtp_unprotect"))
    return _core


def _address(function: str) -> int:
    return int(_ffi.cast("uintptr_t", _ffi.addressof(_binding.lib, function)))


core: Any = _load()
"""The extension, or None."""


def available() -> bool:
    """Whether packets take the compiled path."""
    return core is not None


def srtp_pointer(session: Session) -> int:
    """Where libsrtp keeps this session. Valid for as long as `session` lives: who passes it on keeps the session too."""
    return int(_ffi.cast("uintptr_t", session._srtp[0]))
