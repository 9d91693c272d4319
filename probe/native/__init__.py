"""The packet path of many participants, compiled where a C compiler was found at installation.

Without the extension, or with MEETPROBE_NATIVE=0 in the environment, the same work is done in Python: same results, more CPU.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from pylibsrtp import Session, _binding

from probe.measure import histogram

if TYPE_CHECKING:
    from types import ModuleType

_ffi = _binding.ffi
_SIGNATURE = "srtp_err_status_t(*)(struct srtp_ctx_t_ *, void *, int *)"
"""Of libsrtp 2; libsrtp 3 takes other arguments, and the extension must not call it."""
PRIVATE_ATTRIBUTES = {"pylibsrtp._binding": ("ffi", "lib"), "pylibsrtp.Session": ("_srtp",)}
"""What is used and not public; tests/rtc/test_private_attributes.py checks each one."""


def _load() -> ModuleType | None:
    if os.environ.get("MEETPROBE_NATIVE", "1") == "0":
        return None
    try:
        from probe.native import _core

        _core.use_srtp(_address("srtp_protect"), _address("srtp_unprotect"))
    except ImportError:
        return None  # no compiler at installation, or another platform: `available` says so, `probe capacity` prints it
    return _core


def _address(function: str) -> int:
    found = _ffi.addressof(_binding.lib, function)
    if _ffi.typeof(found).cname != _SIGNATURE:
        raise ImportError(f"{function} of this libsrtp is {_ffi.typeof(found).cname}, not {_SIGNATURE}")
    return int(_ffi.cast("uintptr_t", found))


core: Any = _load()
"""The extension, or None."""
histogram.tally_with(core.tally if core is not None else None)


def available() -> bool:
    """Whether packets take the compiled path."""
    return core is not None


def srtp_pointer(session: Session) -> int:
    """Where libsrtp keeps this session. Valid for as long as `session` lives: who passes it on keeps the session too."""
    return int(_ffi.cast("uintptr_t", session._srtp[0]))
