"""What is written down of each packet where only headers are read: a fixed record, so that a second of them is one array."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

RECORD = np.dtype(
    [
        ("sequence", "<i8"),  # extended: never wraps
        ("arrival", "<f8"),  # monotonic seconds
        ("capture", "<f8"),  # monotonic seconds, NaN where the packet does not tell
        ("timestamp", "<u4"),  # RTP
        ("size", "<u4"),  # bytes of payload, without header, extensions, padding and SRTP's tag
        ("flags", "<u4"),
        ("transport", "<u4"),  # 0x10000 | transport-wide sequence number, 0 where there is none
    ]
)
"""40 bytes, little endian, without gaps: the compiled path writes the same."""
MARKER = 1
"""RTP's marker bit: of video, the last packet of a frame (RFC 3551 section 4.1)."""
RECOVERED = 2
"""It came by retransmission (RFC 4588)."""
RESTARTED = 4
"""The stream began anew with this packet: what was missing before it will not come."""

Records = NDArray[np.void]
_PACK = struct.Struct("<qddIIII").pack


def joined(parts: Sequence[Records]) -> Records:
    """One array of several, in this order. By their memory: numpy's own way looks at each field of each array."""
    return parts[0] if len(parts) == 1 else np.frombuffer(b"".join([part.tobytes() for part in parts]), RECORD)


class RecordLog:
    """Records of one stream in order of arrival: `append` one, `take` all. Only packets that brought something new
    (`PacketFate.new`) belong here. Who writes it bounds it, by taking when it is long."""

    __slots__ = ("_bytes",)

    def __init__(self) -> None:
        self._bytes = bytearray()

    def append(
        self, sequence: int, arrival: float, capture: float, timestamp: int, size: int, flags: int, transport: int = 0
    ) -> None:
        """One packet, its fields as in RECORD. Raises struct.error for a number that its field can't hold."""
        self._bytes += _PACK(sequence, arrival, capture, timestamp, size, flags, transport)

    def take(self) -> bytearray:
        """All records since the last call, as the memory of an array of RECORD: `np.frombuffer(log.take(), RECORD)`."""
        taken, self._bytes = self._bytes, bytearray()
        return taken

    def __len__(self) -> int:
        return len(self._bytes) // RECORD.itemsize
