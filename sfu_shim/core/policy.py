"""When a room is carried by P2P and when by the SFU, and the bounds the server keeps."""

from __future__ import annotations

from dataclasses import dataclass

from sfu_shim.core.protocol import IceServerEntry, Topology


@dataclass(frozen=True, slots=True)
class Policy:
    """`p2p_limit`: participants up to which a room is a P2P mesh (0: always SFU). Times in seconds.

    `migration_deadline` bounds one move; after a rollback the same room is left alone for `backoff`, or until its
    membership or its pin changes.
    """

    p2p_limit: int = 2
    migration_deadline: float = 10.0
    backoff: float = 30.0
    max_rooms: int = 10_000
    max_participants: int = 200
    ice_servers: tuple[IceServerEntry, ...] = ()

    def target(self, participants: int, pinned: Topology | None) -> Topology:
        """The topology that a room of that size should have."""
        if pinned is not None:
            return pinned
        return "p2p" if participants <= self.p2p_limit else "sfu"
