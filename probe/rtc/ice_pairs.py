"""aioice's candidates and candidate pairs in our own terms (the private attributes are listed in probe/rtc/ice_stack.py)."""

from __future__ import annotations

from collections import Counter

import aioice
from aioice import ice as aioice_ice

from probe.measure.webrtc_stats import Pair
from probe.rtc.ice_protocol import TimedStunProtocol
from probe.wire.sdp import Candidate


def our_candidate(found: aioice.Candidate) -> Candidate:
    """The same candidate."""
    return Candidate(
        found.foundation, found.component, found.transport, found.priority, found.host, found.port, found.type,
        found.related_address, found.related_port, found.tcptype,
    )  # fmt: skip


def candidate_pairs(connection: aioice.Connection) -> list[Pair]:
    """Those that were or are checked. The states are W3C's RTCStatsIceCandidatePairState (RFC 8445 section 6.1.2.6)."""
    chosen = connection._nominated.get(1)
    return [
        Pair(
            our_candidate(pair.local_candidate),
            our_candidate(pair.remote_candidate),
            pair.state.name.lower().replace("_", "-"),
            pair.nominated,
            pair is chosen,
        )
        for pair in connection._check_list
    ]


def local_type(connection: aioice.Connection, pair: aioice_ice.CandidatePair) -> str:
    """Of our end of the pair as the other side sees it (RFC 8445 section 7.2.5.3.2): aioice calls it host behind a NAT too."""
    base = pair.local_candidate
    mapped = pair.protocol.mapped(pair.remote_addr) if isinstance(pair.protocol, TimedStunProtocol) else None
    if mapped is None or base.type == "relay" or mapped == (base.host, base.port):
        return base.type
    known = any(c.type == "srflx" and (c.host, c.port) == mapped for c in connection.local_candidates)
    return "srflx" if known else "prflx"


def tried(connection: aioice.Connection) -> str:
    """The pairs by their types: "tried 2 host/host, 1 relay/srflx"."""
    pairs = Counter(
        f"{p.local_candidate.type}{'-tcp' if p.local_candidate.transport == 'tcp' else ''}/{p.remote_candidate.type}"
        for p in connection._check_list
    )
    if not pairs:
        return "the other side has no candidate that one of ours can be paired with"
    return "tried " + ", ".join(f"{count} {types}" for types, count in pairs.items())
