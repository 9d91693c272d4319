"""What NATs do to peer-to-peer calls, as the RFCs have it: the table that the measurements are held against."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Dependence(StrEnum):
    """On what of the other side a NAT's mapping, or what it lets in, depends (RFC 4787 sections 4.1 and 5)."""

    NONE = "endpoint-independent"
    ADDRESS = "address-dependent"
    PORT = "address-and-port-dependent"


@dataclass(frozen=True, slots=True)
class Behaviour:
    """Whether one socket looks the same from everywhere (`mapping`), and who may send to it (`filtering`). `translated`: there
    is a NAT at all."""

    translated: bool
    mapping: Dependence
    filtering: Dependence


KINDS = {
    "none": Behaviour(False, Dependence.NONE, Dependence.NONE),
    "full-cone": Behaviour(True, Dependence.NONE, Dependence.NONE),
    "address-restricted": Behaviour(True, Dependence.NONE, Dependence.ADDRESS),
    "port-restricted": Behaviour(True, Dependence.NONE, Dependence.PORT),
    "symmetric": Behaviour(True, Dependence.PORT, Dependence.PORT),
    "double": Behaviour(True, Dependence.NONE, Dependence.PORT),
    "double-symmetric": Behaviour(True, Dependence.PORT, Dependence.PORT),
}
"""What stands between a client and the Internet, under the names of RFC 3489 section 5, and what RFC 5780 must find there.
double: a port-restricted NAT at home behind a port-restricted one of the carrier (RFC 6598); double-symmetric: the carrier's
is symmetric."""

_NEVER = {
    ("port-restricted", "symmetric"),
    ("port-restricted", "double-symmetric"),
    ("double", "symmetric"),
    ("double", "double-symmetric"),
    ("symmetric", "symmetric"),
    ("symmetric", "double-symmetric"),
    ("double-symmetric", "double-symmetric"),
}
"""The pairs that no hole can be punched through with STUN alone. The one behind the symmetric NAT sends to the other from a
port that nobody was told of; the other lets in nothing but what comes from a port it has sent to (RFC 5128 section 3.3.4)."""


def pairs() -> list[tuple[str, str]]:
    """Every combination once."""
    names = list(KINDS)
    return [(left, right) for at, left in enumerate(names) for right in names[at:]]


def direct(left: str, right: str) -> bool:
    """Whether these two can talk without a relay."""
    return not {(left, right), (right, left)} & _NEVER
