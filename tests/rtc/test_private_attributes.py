"""The private attributes of aiortc and aioice that we touch: if an upgrade loses one, this says which."""

from __future__ import annotations

import pytest
from aioice import ice as aioice_ice
from aiortc import RTCCertificate, RTCDtlsTransport, RTCIceGatherer, RTCIceTransport

from probe.rtc.certificate import shared_certificate
from probe.rtc.ice_stack import PRIVATE_ATTRIBUTES

_ALL = [(owner, name) for owner, names in PRIVATE_ATTRIBUTES.items() for name in names]


@pytest.mark.parametrize(("owner", "name"), _ALL, ids=[f"{owner}.{name}" for owner, name in _ALL])
async def test_every_private_attribute_that_we_use_exists(owner: str, name: str) -> None:
    gatherer = RTCIceGatherer(iceServers=[])
    ice = RTCIceTransport(gatherer)
    objects = {
        "aioice.Connection": gatherer._connection,
        "aiortc.RTCIceGatherer": gatherer,
        "aiortc.RTCIceTransport": ice,
        "aiortc.RTCDtlsTransport": RTCDtlsTransport(ice, [shared_certificate()]),
        "aiortc.RTCCertificate": RTCCertificate.generateCertificate(),
    }
    assert hasattr(objects[owner], name)


def test_the_functions_that_we_override_or_call_exist() -> None:
    assert callable(aioice_ice.StunProtocol.send_stun)
    assert callable(aioice_ice.StunProtocol.datagram_received)
    assert callable(aioice_ice.Connection.data_received)
    assert callable(aioice_ice.server_reflexive_candidate)
    assert callable(aioice_ice.relayed_candidate)
