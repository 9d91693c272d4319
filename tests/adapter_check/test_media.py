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
from probe.signalling.base import RemoteDescription
from probe.signalling.shim import ShimSignalling

class OneWay(ShimSignalling):
    """Who comes first is never offered what others send."""

    topologies = ("sfu",)

    async def join(self, room, name):
        joined = await super().join(room, name)
        self.first = not joined.members
        return joined

    async def next_event(self):
        while True:
            event = await super().next_event()
            if not (self.first and isinstance(event, RemoteDescription) and event.type == "offer"):
                return event
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
