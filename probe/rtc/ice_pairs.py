"""aioice's candidates and candidate pairs in our own terms (the private attributes are listed in probe/rtc/ice_stack.py)."""

from __future__ import annotations

import aioice

from probe.measure.webrtc_stats import Pair
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
