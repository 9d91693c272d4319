"""Transport-wide congestion control feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from probe.wire.rtcp_fields import RtcpError, pack, packet_bytes, scaled, unpack

_TICKS_PER_SECOND = 4000
_TICKS_PER_REFERENCE = 256
_RUN_LIMIT = 0x1FFF


@dataclass(frozen=True, slots=True)
class TransportFeedback:
    """Transport-wide feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01 section 3.1): of `base_sequence` and
    all that follow, (16-bit sequence, arrival in seconds or None). Times are read in steps of 0.25 ms, and modulo the
    12.4 days that the signed reference time holds."""

    sender_ssrc: int
    media_ssrc: int
    base_sequence: int
    feedback_count: int
    arrivals: tuple[tuple[int, float | None], ...]

    def to_bytes(self) -> bytes:
        if any(sequence != self.base_sequence + i & 0xFFFF for i, (sequence, _) in enumerate(self.arrivals)):
            raise RtcpError(f"transport feedback names every packet from {self.base_sequence} on, in order")
        ticks = [None if arrival is None else scaled(arrival, _TICKS_PER_SECOND) for _, arrival in self.arrivals]
        reference = next((tick for tick in ticks if tick is not None), 0) // _TICKS_PER_REFERENCE
        symbols, deltas, last = [], b"", reference * _TICKS_PER_REFERENCE
        for tick in ticks:
            step, last = (None, last) if tick is None else (tick - last, tick)
            symbols.append(0 if step is None else 1 if 0 <= step <= 255 else 2)
            deltas += b"" if step is None else pack("!B" if 0 <= step <= 255 else "!h", step)
        head = (self.sender_ssrc, self.media_ssrc, self.base_sequence, len(ticks))
        body = pack("!IIHHI", *head, (reference & 0xFFFFFF) << 8 | self.feedback_count & 0xFF)
        body += b"".join(_write_chunks(symbols)) + deltas
        return packet_bytes(205, 15, body + bytes(-len(body) % 4))


def _write_chunks(symbols: list[int]) -> Iterator[bytes]:
    """Status chunks: a run where seven or more are alike, else seven 2-bit symbols (draft sections 3.1.3, 3.1.4)."""
    at = 0
    while at < len(symbols):
        run = next((i for i in range(at, len(symbols)) if symbols[i] != symbols[at]), len(symbols)) - at
        if run >= 7:
            run = min(run, _RUN_LIMIT)
            yield pack("!H", symbols[at] << 13 | run)
            at += run
        else:
            yield pack("!H", 0xC000 | sum(symbol << 12 - 2 * i for i, symbol in enumerate(symbols[at : at + 7])))
            at += 7


def read_transport_feedback(body: bytes) -> TransportFeedback:
    sender, media, base, count, word = unpack("!IIHHI", body)
    symbols: list[int] = []
    at = 16
    while len(symbols) < count:
        chunk = unpack("!H", body, at)[0]
        at += 2
        if chunk < 0x8000:
            symbols += [chunk >> 13] * (chunk & _RUN_LIMIT)
        else:
            wide = chunk & 0x4000
            symbols += [chunk >> s & (3 if wide else 1) for s in (range(12, -1, -2) if wide else range(13, -1, -1))]
    ticks = ((word >> 8) - (word >> 7 & 0x1000000)) * _TICKS_PER_REFERENCE
    arrivals: list[tuple[int, float | None]] = []
    for i, symbol in enumerate(symbols[:count]):
        if symbol == 3:
            raise RtcpError("transport feedback uses the reserved status symbol 3")
        ticks += unpack("!h" if symbol == 2 else "!B", body, at)[0] if symbol else 0
        at += symbol
        arrivals.append((base + i & 0xFFFF, ticks / _TICKS_PER_SECOND if symbol else None))
    return TransportFeedback(sender, media, base, word & 0xFF, tuple(arrivals))
