"""Offer and answer (RFC 8829, RFC 3264) over a list of transceivers: descriptions in, descriptions out, no I/O."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, cast

from probe.model.errors import NegotiationError
from probe.rtc.transceiver import Transceiver, preferred_codecs
from probe.wire import extensions as ext
from probe.wire.sdp import (
    Candidate,
    Codec,
    MediaSection,
    SdpError,
    SessionDescription,
    negotiate_codecs,
    negotiate_extensions,
)

OUR_EXTENSIONS = {1: ext.MID, 2: ext.ABS_CAPTURE_TIME, 3: ext.TRANSPORT_CC}
_OUR_URIS = frozenset(OUR_EXTENSIONS.values())
_REVERSED = {"sendonly": "recvonly", "recvonly": "sendonly", "sendrecv": "sendrecv", "inactive": "inactive"}


@dataclass(frozen=True, slots=True)
class LocalTransport:
    """Our end of the bundled transport, as descriptions carry it."""

    ufrag: str
    password: str
    fingerprints: Sequence[tuple[str, str]]
    candidates: Sequence[Candidate]


@dataclass(frozen=True, slots=True)
class RemoteTransport:
    """The other end of the bundled transport. `setup` is the other side's a=setup."""

    ufrag: str
    password: str
    fingerprints: Sequence[tuple[str, str]]
    candidates: Sequence[Candidate]
    end_of_candidates: bool
    ice_lite: bool
    setup: str


Direction = Literal["sendrecv", "sendonly", "recvonly", "inactive"]
OnSection = Callable[[MediaSection], Transceiver]


class Jsep:
    """The description state of one peer connection. `transceivers` stand in the order of the m-sections."""

    def __init__(self, transport: LocalTransport, rng: random.Random, preferred: Sequence[str] = ()) -> None:
        self._transport = transport
        self._preferred = tuple(name.lower() for name in preferred)
        self._session_id = rng.randrange(1, 1 << 62)
        self._version = 0
        self._setup = ""
        self._rejected: dict[int, MediaSection] = {}
        self.transceivers: list[Transceiver] = []
        self.remote: RemoteTransport | None = None
        self.on_section: OnSection | None = None

    # offers of our own

    def offer(self) -> str:
        """A description of all transceivers. New ones get the next free mid."""
        for transceiver in self.transceivers:
            transceiver.mid = transceiver.mid or self._free_mid()
        return self._describe([self._section(t, t.direction, self._setup or "actpass") for t in self.transceivers])

    def take_answer(self, text: str) -> None:
        """Apply the answer to our last offer. Raises NegotiationError when it does not fit it."""
        answer = _parse(text)
        offered = len(self.transceivers) + len(self._rejected)
        if len(answer.sections) != offered:
            raise NegotiationError(f"the answer has {len(answer.sections)} media sections, the offer had {offered}")
        for transceiver, section in zip(self.transceivers, self._usable(answer.sections), strict=True):
            if section.rejected:
                transceiver.current = "inactive"
                continue
            transceiver.codecs = self._agreed_codecs(transceiver, section)
            transceiver.extensions = negotiate_extensions(section.extensions, _OUR_URIS)
            transceiver.current = _both(transceiver.direction, section.direction)
            transceiver.take_remote(section)
        self._take_transport(answer)

    # offers of the other side

    def take_offer(self, text: str) -> str:
        """Apply an offer and return the answer. Raises NegotiationError when nothing in it can be used."""
        offer = _parse(text)
        for transceiver in self.transceivers:
            if not transceiver.current:
                transceiver.mid = ""  # an offer against ours: ours is rolled back (RFC 8829 section 4.1.10.2)
        self._match_sections(offer.sections)
        self._take_transport(offer)
        sections = []
        for section, transceiver in zip(self._usable(offer.sections), self.transceivers, strict=False):
            self._agree(transceiver, section)
            sections.append(self._section(transceiver, transceiver.current, self._setup))
        return self._describe(sections)

    def _match_sections(self, sections: Sequence[MediaSection]) -> None:
        """Pair each offered section with a transceiver: by mid, else with a new one of ours of that kind, else fresh.

        A transceiver whose section was stopped (port 0), or given to another mid, is over (RFC 8829 section 5.10).
        """
        matched: list[Transceiver] = []
        self._rejected = {}
        for position, section in enumerate(sections):
            if section.kind not in ("audio", "video") or section.rejected:
                self._rejected[position] = section
                continue
            transceiver = next((t for t in self.transceivers if t.mid == section.mid), None)
            transceiver = transceiver or self._unassociated(section, matched) or self._fresh(section)
            transceiver.mid = section.mid
            matched.append(transceiver)
        self.transceivers[:] = matched + [t for t in self.transceivers if not t.mid]

    def _unassociated(self, section: MediaSection, matched: Sequence[Transceiver]) -> Transceiver | None:
        return next((t for t in self.transceivers if not t.mid and t.kind == section.kind and t not in matched), None)

    def _fresh(self, section: MediaSection) -> Transceiver:
        if self.on_section is not None:
            return self.on_section(section)
        return Transceiver(section.kind, "recvonly")

    def _agree(self, transceiver: Transceiver, section: MediaSection) -> None:
        transceiver.codecs = self._agreed_codecs(transceiver, section)
        transceiver.extensions = negotiate_extensions(section.extensions, _OUR_URIS)
        transceiver.current = _both(transceiver.direction, section.direction)
        transceiver.take_remote(section)

    # shared by both

    def _usable(self, sections: Sequence[MediaSection]) -> list[MediaSection]:
        return [section for position, section in enumerate(sections) if position not in self._rejected]

    def _free_mid(self) -> str:
        taken = {transceiver.mid for transceiver in self.transceivers} | {s.mid for s in self._rejected.values()}
        return next(str(number) for number in range(len(taken) + 1) if str(number) not in taken)

    def _supported(self, transceiver: Transceiver) -> list[Codec]:
        """Our codecs for this kind: what was negotiated before, else all we speak, the preferred ones first."""
        if transceiver.codecs:
            return transceiver.codecs
        return list(preferred_codecs(transceiver.kind, self._preferred))

    def _agreed_codecs(self, transceiver: Transceiver, section: MediaSection) -> list[Codec]:
        try:
            agreed = negotiate_codecs(section.codecs, self._supported(transceiver))
        except SdpError as error:
            raise NegotiationError(str(error), phase="offer_answer") from error
        if not any(codec.name.lower() != "rtx" for codec in agreed):
            offered = ", ".join(sorted({codec.name for codec in section.codecs})) or "nothing"
            spoken = ", ".join(sorted({codec.name for codec in self._supported(transceiver)} - {"rtx"}))
            raise NegotiationError(
                f"no codec in common for {section.kind}: the other side has {offered}, this side speaks {spoken}",
                phase="offer_answer",
                hint="enable one of ours on the server, or set media.video.codec in the scenario",
            )
        return agreed

    def _section(self, transceiver: Transceiver, direction: str, setup: str) -> MediaSection:
        section = MediaSection(
            kind=transceiver.kind,
            mid=transceiver.mid,
            direction=cast(Direction, direction),
            codecs=list(self._supported(transceiver)),
            extensions=dict(self._extensions(transceiver)),
        )
        section.ice_ufrag, section.ice_pwd = self._transport.ufrag, self._transport.password
        section.fingerprints = list(self._transport.fingerprints)
        section.setup = setup  # type: ignore[assignment]
        section.rtcp_mux = True
        section.rtcp_rsize = True
        section.candidates = list(self._transport.candidates)
        section.end_of_candidates = True
        transceiver.write_sources(section)
        return section

    def _extensions(self, transceiver: Transceiver) -> dict[int, str]:
        """What was agreed on with the codecs, were it nothing. New sections use the bundle's ids, which mean the same in all of
        it (RFC 9143 section 9.2)."""
        if transceiver.codecs:
            return transceiver.extensions
        return {number: uri for t in self.transceivers for number, uri in t.extensions.items()} or OUR_EXTENSIONS

    def _describe(self, sections: list[MediaSection]) -> str:
        """The description of `sections`, and in their places those rejected: lines never move (RFC 8829 section 5.2.2)."""
        for position, section in sorted(self._rejected.items()):
            sections.insert(position, section.rejection())
        self._version += 1
        bundle = [section.mid for section in sections if not section.rejected]
        return SessionDescription(
            sections=sections, bundle=bundle, session_id=self._session_id, version=self._version
        ).to_sdp()

    def _take_transport(self, description: SessionDescription) -> None:
        try:
            section = description.bundled_transport_section()
        except SdpError as error:  # no section at all, or none that is not rejected
            raise NegotiationError(f"unusable SDP: {error}", phase="offer_answer") from error
        if not section.ice_ufrag or not section.ice_pwd:
            raise NegotiationError(
                "the description has no usable media section with ICE credentials", phase="offer_answer"
            )
        if not section.fingerprints:
            raise NegotiationError("the description has no DTLS fingerprint", phase="offer_answer")
        if self.remote is not None and self.remote.ufrag != section.ice_ufrag:
            raise NegotiationError(
                "the other side wants an ICE restart, which is not supported yet", phase="offer_answer"
            )
        self.remote = RemoteTransport(
            section.ice_ufrag,
            section.ice_pwd,
            list(section.fingerprints),
            list(section.candidates),
            section.end_of_candidates,
            section.ice_lite,
            section.setup or "actpass",
        )
        # Decided once: a later description may say actpass again, the DTLS association stays as it is (RFC 8842).
        self._setup = self._setup or ("passive" if self.remote.setup == "active" else "active")

    @property
    def dtls_role(self) -> Literal["client", "server"]:
        """`client` or `server` (RFC 8842), once both descriptions are known."""
        return "client" if self._setup == "active" else "server"


def _parse(text: str) -> SessionDescription:
    try:
        return SessionDescription.parse(text)
    except SdpError as error:
        raise NegotiationError(f"unusable SDP: {error}", phase="offer_answer") from error


def _both(ours: str, theirs: str) -> str:
    """Our direction after an exchange: what we want and the other side's (reversed) allows (RFC 3264 section 6.1)."""
    allowed = _REVERSED[theirs]
    send = ours in ("sendonly", "sendrecv") and allowed in ("sendonly", "sendrecv")
    receive = ours in ("recvonly", "sendrecv") and allowed in ("recvonly", "sendrecv")
    return "sendrecv" if send and receive else "sendonly" if send else "recvonly" if receive else "inactive"
