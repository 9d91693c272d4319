"""The short meeting of an adapter's check: both have to receive, and one that does is not enough."""

from __future__ import annotations

from pathlib import Path

import pytest

from probe.adapter_check.media import media
from probe.model.platform import Platform
from probe.signalling.adapters import adapter
from sfu_shim.config import ShimConfig
from sfu_shim.server import ShimServer

ONE_WAY = '''
from probe.signalling.shim import ShimSignalling

class OneWay(ShimSignalling):
    """Who comes second is seen by nobody."""

    topologies = ("sfu",)

    async def join(self, room, name):
        joined = await super().join(room, name)
        self.mute = bool(joined.members)
        return joined

    async def send_description(self, path, type, sdp):
        await super().send_description(path, type, sdp.replace("a=sendrecv", "a=recvonly") if self.mute else sdp)
'''


@pytest.mark.parametrize(("name", "said"), [("shim", ""), ("one_way.py:OneWay", "-p1 received no video")])
async def test_both_have_to_receive(tmp_path: Path, name: str, said: str) -> None:
    (tmp_path / "one_way.py").write_text(ONE_WAY)
    adapter.cache_clear()
    chosen = f"{tmp_path / name}" if ":" in name else name
    server = ShimServer(ShimConfig(port=0))
    try:
        (finding,) = await media(Platform(url=await server.start(), signalling=chosen))
    finally:
        await server.stop()
    assert finding.fault.endswith(said)
    assert bool(finding.fault) == bool(said)
