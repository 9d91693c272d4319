"""NAT boxes: Linux' connection tracking, made to behave as each kind of NAT does, by nftables.

All of them keep the port where they can, as `masquerade` does, and drop what nobody asked for. That it is dropped in `input`,
before it is confirmed, matters: a connection track of a stranger's early packet would make the port look taken, and the
box, port-restricted by name, would give its client another one for that stranger: a symmetric NAT.
"""

from __future__ import annotations

_CONE = "type inet_service : ipv4_addr . inet_service"
_RESTRICTED_CONE = "type ipv4_addr . inet_service : ipv4_addr . inet_service"
_TIMEOUT = "2m"

_RULES = """
table ip nat {{
    {learned}
    chain arriving {{
        type nat hook prerouting priority dstnat; policy accept;
        {arriving}
    }}
    chain for_the_box {{
        type filter hook input priority filter; policy drop;
    }}
    chain passing {{
        type filter hook forward priority filter; policy drop;
        {leaving}
        iifname "lan" oifname "wan" accept
        ct state established,related accept
        ct status dnat accept
    }}
    chain translated {{
        type nat hook postrouting priority srcnat; policy accept;
        oifname "wan" counter masquerade{ports}
    }}
}}
"""


def rules(kind: str) -> str:
    """An nftables script for a box with the interfaces `lan` and `wan`. Raises ValueError for a kind that it can't be."""
    match kind:
        case "port-restricted":
            return _rules()
        case "symmetric":
            return _rules(ports=" fully-random")
        case "full-cone":
            return _open_to(_CONE, known_by="udp sport", arrives_at="udp dport")
        case "address-restricted":
            return _open_to(_RESTRICTED_CONE, known_by="ip daddr . udp sport", arrives_at="ip saddr . udp dport")
    raise ValueError(f"no box is {kind!r}")


def _rules(learned: str = "", arriving: str = "", leaving: str = "", ports: str = "") -> str:
    return _RULES.format(learned=learned, arriving=arriving, leaving=leaving, ports=ports)


def _open_to(types: str, *, known_by: str, arrives_at: str) -> str:
    """A box that learns from what leaves, and lets in from the outside what fits it, whatever its source port. The port that a
    client's socket has is the one the world sees: there is one client behind a box."""
    return _rules(
        learned=f"map sockets {{ {types}; flags dynamic,timeout; timeout {_TIMEOUT}; }}",
        arriving=f'iifname "wan" meta l4proto udp dnat ip to {arrives_at} map @sockets',
        leaving=f'iifname "lan" oifname "wan" meta l4proto udp update @sockets {{ {known_by} : ip saddr . udp sport }}',
    )
