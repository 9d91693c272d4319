"""Whose packet is it: from the SSRC of an incoming packet to the receiver of its source (RFC 8843 section 9.2)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from probe.rtc.receiver import TrackReceiver
from probe.rtc.transceiver import Transceiver
from probe.wire import extensions as ext
from probe.wire.rtp import RtpHeader


class Demultiplexer:
    """`transceivers()` is what was negotiated, `create(transceiver, ssrc)` makes a receiver for a source seen first: with the
    codec that it sends first among the transceiver's, where both sides agreed on several."""

    def __init__(
        self, transceivers: Callable[[], list[Transceiver]], create: Callable[[Transceiver, int], TrackReceiver]
    ) -> None:
        self._transceivers = transceivers
        self._create = create
        self._by_ssrc: dict[int, TrackReceiver] = {}

    def known(self, ssrc: int) -> TrackReceiver | None:
        """The receiver of a source seen before."""
        return self._by_ssrc.get(ssrc)

    def receiver(self, header: RtpHeader) -> TrackReceiver | None:
        """The receiver of the packet's source, made if it is new. None for a source that nobody negotiated."""
        found = self._by_ssrc.get(header.ssrc)
        return found if found is not None else self._new_source(header)

    def _new_source(self, header: RtpHeader) -> TrackReceiver | None:
        transceiver = self._transceiver(header)
        if transceiver is None:
            return None
        rtx = {codec.payload_type for codec in transceiver.codecs if codec.is_rtx}
        if header.payload_type in rtx or header.ssrc in transceiver.remote_rtx:
            found = self._repaired_by(header.ssrc, transceiver)
        elif header.payload_type in {codec.payload_type for codec in transceiver.codecs}:
            found = self._create(_as_sent(transceiver, header.payload_type), header.ssrc)
        else:
            return None
        if found is not None:
            self._by_ssrc[header.ssrc] = found
        return found

    def _repaired_by(self, rtx_ssrc: int, transceiver: Transceiver) -> TrackReceiver | None:
        """Whom a retransmission stream serves: as signalled (FID), else of its m-section's media sources the one that came last,
        for what is repaired was sent a moment ago."""
        media = transceiver.remote_rtx.get(rtx_ssrc)
        if media is not None:
            return self._by_ssrc.get(media)
        same = [receiver for receiver in self._by_ssrc.values() if receiver.mid == transceiver.mid]
        return max(same, key=lambda receiver: receiver.stream.arrival, default=None)

    def _transceiver(self, header: RtpHeader) -> Transceiver | None:
        receiving = [t for t in self._transceivers() if t.receives]
        for transceiver in receiving:
            if header.ssrc in transceiver.remote_ssrcs or header.ssrc in transceiver.remote_rtx:
                return transceiver
        for transceiver in receiving:
            number = transceiver.extension_id(ext.MID)
            if number is not None and header.extensions.get(number) == transceiver.mid.encode():
                return transceiver
        same = [t for t in receiving if header.payload_type in {codec.payload_type for codec in t.codecs}]
        return same[0] if len(same) == 1 and not same[0].remote_ssrcs else None

    def retire(self) -> list[TrackReceiver]:
        """After a renegotiation: forget the sources that are announced no more, and return their receivers."""
        announced = {ssrc for t in self._transceivers() if t.receives for ssrc in (*t.remote_ssrcs, *t.remote_rtx)}
        silent = {t.mid for t in self._transceivers() if t.receives and not t.remote_ssrcs}  # announces no SSRC at all
        gone = {s: r for s, r in self._by_ssrc.items() if s not in announced and r.mid not in silent}
        for ssrc in gone:
            del self._by_ssrc[ssrc]
        return [receiver for ssrc, receiver in gone.items() if receiver.ssrc == ssrc]


def _as_sent(transceiver: Transceiver, payload_type: int) -> Transceiver:
    if transceiver.codec().payload_type == payload_type:
        return transceiver
    return replace(transceiver, codecs=sorted(transceiver.codecs, key=lambda codec: codec.payload_type != payload_type))
