"""A small Internet: one switch with public addresses (RFC 5737's), and sites behind NATs of each kind."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.nat.boxes import rules
from tests.nat.namespaces import Lab, lab, run

SERVER, OTHER = "203.0.113.1", "203.0.113.2"
"""The servers', and what else the STUN server answers from."""
_NOWHERE = "203.0.113.254"
_FIRST_SITE = 11


@dataclass(frozen=True, slots=True)
class Site:
    """One client's place. `client` is its namespace, `boxes` those of the NATs in front of it, from it to the Internet."""

    kind: str
    client: str
    boxes: tuple[str, ...]
    public: str
    """The address that the Internet knows it by."""

    def translated(self) -> list[int]:
        """Connections that each box has given an outer address."""
        return [_counted(box) for box in self.boxes]


class Internet:
    """Its servers run in the namespace `servers`."""

    def __init__(self, made: Lab) -> None:
        self._lab = made
        self._sites = 0
        self.servers = made.namespace("internet")
        made.batch(
            self.servers,
            "link add switch type bridge",
            "link set switch up",
            f"addr add {SERVER}/24 dev switch",
            f"addr add {OTHER}/24 dev switch",
            # What is sent to nobody's address vanishes, as on the Internet: to coturn, an error of its own kernel would be the
            # end of the whole allocation.
            f"neigh add {_NOWHERE} lladdr 02:00:00:00:00:01 dev switch nud permanent",
            f"route add default via {_NOWHERE}",
        )

    def site(self, kind: str) -> Site:
        """A new one with a client behind a NAT of that kind."""
        number = _FIRST_SITE + self._sites
        self._sites += 1
        client = self._lab.namespace(f"{number}-client")
        public = f"203.0.113.{number}"
        chain = _chain(kind)
        boxes: list[str] = []
        outer, port, address, gateway = self.servers, f"site{number}", f"{public}/24", SERVER
        for at, box_kind in enumerate(chain):
            box = self._lab.namespace(f"{number}-{box_kind}-{at}")
            boxes.insert(0, box)
            self._plug(box, "wan", address, gateway, outer, port)
            # A carrier's inside is RFC 6598's, a home's is RFC 1918's.
            net = f"192.168.{number}" if at == len(chain) - 1 else f"100.64.{number}"
            self._become(box, box_kind)
            outer, port, address, gateway = box, "lan", f"{net}.2/24", f"{net}.1"
        self._plug(client, "eth0", address, gateway, outer, port)
        return Site(kind, client, tuple(boxes), public)

    def _plug(self, inner: str, end: str, address: str, gateway: str, outer: str, port: str) -> None:
        """A cable from an inner namespace to one further out, whose address, if it is a box, is the inner one's gateway."""
        self._lab.cable(inner, end, outer, port)
        if outer == self.servers:
            self._lab.batch(outer, f"link set {port} master switch")
        else:
            self._lab.batch(outer, f"addr add {gateway}/24 dev {port}")
        self._lab.batch(inner, f"addr add {address} dev {end}", f"route add default via {gateway}")

    def _become(self, box: str, kind: str) -> None:
        self._lab.settings(box, {"ipv4/ip_forward": "1"})
        run("ip", "netns", "exec", box, "nft", "-f", "-", given=rules(kind))


def _chain(kind: str) -> tuple[str, ...]:
    """The boxes of a kind, from the Internet inwards."""
    match kind:
        case "none":
            return ()
        case "double":
            return "port-restricted", "port-restricted"
        case "double-symmetric":
            return "symmetric", "port-restricted"
    return (kind,)


def _counted(box: str) -> int:
    """Packets that met the masquerade rule: the first of each connection."""
    chain = run("ip", "netns", "exec", box, "nft", "list", "chain", "ip", "nat", "translated").split()
    return int(chain[chain.index("packets") + 1])


@contextmanager
def internet() -> Iterator[Internet]:
    """Without any site; all of it is gone in the end."""
    with lab() as made:
        yield Internet(made)
