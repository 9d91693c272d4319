"""The private attributes of aiortc, aioice and pylibsrtp that we touch: if an upgrade loses one, this says which."""

from __future__ import annotations

import pytest
from aioice import ice as aioice_ice
from aiortc import RTCCertificate
from pylibsrtp import Policy, Session, _binding

from probe import native
from probe.rtc.ice_stack import PRIVATE_ATTRIBUTES

_ALL = [(owner, name) for owner, names in (PRIVATE_ATTRIBUTES | native.PRIVATE_ATTRIBUTES).items() for name in names]


@pytest.mark.parametrize(("owner", "name"), _ALL, ids=[f"{owner}.{name}" for owner, name in _ALL])
async def test_every_private_attribute_that_we_use_exists(owner: str, name: str) -> None:
    objects = {
        "aioice.Connection": aioice_ice.Connection(ice_controlling=True),
        "aiortc.RTCCertificate": RTCCertificate.generateCertificate(),
        "pylibsrtp._binding": _binding,
        "pylibsrtp.Session": Session(Policy(bytes(30), Policy.SSRC_ANY_INBOUND)),
    }
    assert hasattr(objects[owner], name)


def test_the_functions_that_we_override_or_call_exist() -> None:
    assert callable(aioice_ice.StunProtocol.send_stun)
    assert callable(aioice_ice.StunProtocol.datagram_received)
    assert callable(aioice_ice.Connection.data_received)
    assert callable(aioice_ice.Connection.protocol_lost)
    assert callable(aioice_ice.Connection.check_incoming)
    assert callable(aioice_ice.Connection.check_complete)
    assert callable(aioice_ice.candidate_pair_priority)


def test_libsrtp_is_called_with_the_arguments_that_it_takes() -> None:
    for name in ("srtp_protect", "srtp_unprotect"):
        found = _binding.ffi.typeof(_binding.ffi.addressof(_binding.lib, name))
        assert found.cname == "srtp_err_status_t(*)(struct srtp_ctx_t_ *, void *, int *)"
    session = Session(Policy(bytes(30), Policy.SSRC_ANY_INBOUND))
    assert _binding.ffi.typeof(session._srtp).cname == "struct srtp_ctx_t_ * *"
    assert native.srtp_pointer(session)
