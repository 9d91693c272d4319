"""What the SFU counts. One flat record, so that a metrics page and a test read the same numbers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class ForwardingStats:
    """Totals since the server began. Bytes are RTP bytes with header, before SRTP."""

    packets_received: int = 0
    bytes_received: int = 0
    packets_sent: int = 0
    bytes_sent: int = 0
    packets_withheld: int = 0
    packets_unknown: int = 0
    packets_malformed: int = 0
    packets_late: int = 0
    packets_duplicate: int = 0
    packets_dropped: int = 0
    nacked_packets: int = 0
    nacks_relayed: int = 0
    retransmitted_rtx: int = 0
    retransmitted_plain: int = 0
    plis_received: int = 0
    plis_relayed: int = 0
    negotiation_failures: int = 0
