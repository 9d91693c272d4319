"""The signalling servers of the small Internet, in one process: `python -m tests.nat.shims ADDRESS`.

Each announces other ICE servers in its `welcome`; one knows no P2P. Prints one JSON object with their URLs.
"""

from __future__ import annotations

import asyncio
import json
import sys

from sfu_shim.config import ShimConfig
from sfu_shim.core.policy import Policy
from sfu_shim.core.protocol import IceServerEntry
from sfu_shim.server import ShimServer
from tests.nat.coturn import PORT, REALM_USER, SECRET
from tests.nat.plan import TOKEN


def policies(address: str) -> dict[str, Policy]:
    """By what a call may count on there."""
    stun = IceServerEntry((f"stun:{address}:{PORT}",))
    turn = IceServerEntry((f"turn:{address}:{PORT}?transport=udp",), REALM_USER, SECRET)
    return {
        "stun": Policy(ice_servers=(stun,)),
        "turn": Policy(ice_servers=(stun, turn)),
        "sfu": Policy(p2p_limit=0),
    }


async def main(address: str) -> None:
    """Until stdin ends."""
    servers = {
        name: ShimServer(ShimConfig(host=address, port=0, token=TOKEN, policy=policy))
        for name, policy in policies(address).items()
    }
    urls = {name: await server.start() for name, server in servers.items()}
    print(json.dumps(urls), flush=True)
    try:
        await asyncio.to_thread(sys.stdin.buffer.read)
    finally:
        await asyncio.gather(*(server.stop() for server in servers.values()))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
