"""What WHIP (RFC 9725) and WHEP (draft-ietf-wish-whep) say over HTTP, read and written without any I/O.

Both are one POST of an offer, answered by 201 with the answer and the session's own URL; PATCH of that URL trickles
candidates or restarts ICE (RFC 8840 fragments), and DELETE ends the session. A WHEP server may make the offer itself:
with 406 against ours, or with 201 to an empty POST; it then gets our answer by PATCH.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urljoin, urlsplit

from probe.wire.sdp import Candidate, MediaSection, SdpError, SessionDescription, write_fragment

SDP = "application/sdp"
FRAGMENT = "application/trickle-ice-sdpfrag"
PROBLEM = "application/problem+json"

IceServers = tuple[tuple[tuple[str, ...], str | None, str | None], ...]
"""(URLs, user name, credential) of each server, as `base.Joined.ice_servers` has them."""

_MAX_WAIT = 86_400.0
_SHOWN = 300
_QUOTE = '"'


class MessageError(ValueError):
    """An answer that the protocol does not allow; the text says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Response:
    """What came back from `url`, the one that answered after redirects."""

    status: int
    url: str
    headers: tuple[tuple[str, str], ...] = ()
    body: str = ""

    def header(self, name: str) -> str | None:
        """The first header of that name, in whatever case; None if there is none."""
        return next(iter(self.all(name)), None)

    def all(self, name: str) -> list[str]:
        """Every header of that name, in order."""
        return [value for known, value in self.headers if known.lower() == name.lower()]

    @property
    def content_type(self) -> str:
        """Without parameters, lower case; "" where none is given."""
        return (self.header("Content-Type") or "").partition(";")[0].strip().lower()

    @property
    def ok(self) -> bool:
        """Any success: an unknown 2xx counts as 200 does (RFC 9110 section 15)."""
        return 200 <= self.status < 300


@dataclass(frozen=True, slots=True)
class Session:
    """A session at the server. `url`: where PATCH and DELETE go, None where the server named none. `etag` names the ICE
    session, None: none was given. `offers`: `sdp` is an offer of the server's, which wants our answer."""

    url: str | None
    sdp: str
    offers: bool
    etag: str | None = None
    ice_servers: IceServers = field(default=(), repr=False)

    def renamed(self, etag: str) -> Session:
        """The same session, after an ICE restart."""
        return replace(self, etag=etag)


def read_session(response: Response) -> Session:
    """The session that a POST has opened (2xx), or offers to open (406). Raises MessageError."""
    if not response.body.strip():
        raise MessageError(f"HTTP {response.status} without a description")
    if response.content_type not in (SDP, ""):
        raise MessageError(f"HTTP {response.status} with {response.content_type} where {SDP} was expected")
    location = response.header("Location")
    return Session(
        url=None if location is None else absolute(response.url, location),
        sdp=response.body,
        offers=response.status == 406 or is_offer(response.body),
        etag=response.header("ETag"),
        ice_servers=read_links(response.all("Link")),
    )


def is_offer(sdp: str) -> bool:
    """Only an offer leaves the DTLS role to the other side (RFC 8842 section 5.2). Raises MessageError for what is no SDP."""
    try:
        sections = SessionDescription.parse(sdp).sections
    except SdpError as error:
        raise MessageError(f"unusable description: {error}") from error
    return any(section.setup == "actpass" for section in sections)


def read_streams(sdp: str) -> dict[str, str]:
    """The stream that each sending section of a server's description belongs to, by mid: as its msid says. One audio and one
    video at most are one presentation, whatever they are called: servers that name no stream, or one for each track, mean
    that too."""
    sections = SessionDescription.parse(sdp).sections
    sending = [one for one in sections if not one.rejected and one.direction in ("sendonly", "sendrecv")]
    named = {one.mid: one.msid[0] for one in sending if one.msid is not None and one.msid[0] not in ("", "-")}
    if len({one.kind for one in sending}) == len(sending):
        return dict.fromkeys((one.mid for one in sending), next(iter(named.values()), "stream"))
    return {one.mid: named.get(one.mid, one.mid) for one in sending}


def absolute(base: str, location: str) -> str:
    """`location` as seen from `base` (RFC 3986 section 5). Raises MessageError for one that is not HTTP, and for a step from
    https to http, which would carry the token in the clear."""
    try:
        found = urljoin(base, location.strip())
        scheme = urlsplit(found).scheme
    except ValueError as error:
        raise MessageError(f"unusable Location: {error}") from error
    if scheme not in ("http", "https"):
        raise MessageError(f"Location leads to {scheme or 'nowhere'}, not to http or https")
    if scheme == "http" and urlsplit(base).scheme == "https":
        raise MessageError("Location leads from https to http, and the token would go in the clear")
    return found


def redirect(response: Response) -> str | None:
    """Where to send the same request again (307 and 308 only: others change the method). Raises MessageError."""
    if response.status not in (307, 308):
        return None
    location = response.header("Location")
    if location is None:
        raise MessageError(f"HTTP {response.status} without Location")
    return absolute(response.url, location)


def retry_after(response: Response, now: datetime) -> float | None:
    """Seconds to wait by Retry-After, a number or a date (RFC 9110 section 10.2.3); None where it can't be read.
    `now` has a time zone."""
    value = (response.header("Retry-After") or "").strip()
    if value.isascii() and value.isdigit():
        return min(float(value[:9]), _MAX_WAIT)
    try:
        when = parsedate_to_datetime(value)
    except ValueError:
        return None
    when = when if when.tzinfo is not None else when.replace(tzinfo=now.tzinfo)
    return min(max(0.0, (when - now).total_seconds()), _MAX_WAIT)


# Link headers (RFC 8288): ICE servers


def read_links(values: Sequence[str]) -> IceServers:
    """The ICE servers among Link headers, each of which may hold several links. What can't be read is left out."""
    found = []
    for value in values:
        for link in _split(value, ","):
            target, *parameters = _split(link, ";") or [""]
            if not (target.startswith("<") and target.endswith(">")):
                continue
            known = dict(_parameter(text) for text in reversed(parameters))  # of repeated ones the first counts
            if "ice-server" in known.get("rel", "").lower().split():
                found.append(((target[1:-1].strip(),), known.get("username"), known.get("credential")))
    return tuple(found)


def write_links(servers: IceServers) -> list[str]:
    """One Link header for each URL (RFC 9725 section 4.6)."""
    links = []
    for urls, username, credential in servers:
        parameters = ['rel="ice-server"']
        if username is not None and credential is not None:
            parameters += [f"username={_quoted(username)}", f"credential={_quoted(credential)}"]
            parameters.append('credential-type="password"')
        links += ["; ".join([f"<{url}>", *parameters]) for url in urls]
    return links


def _split(text: str, separator: str) -> list[str]:
    """At the separators outside of quotes and of <…>."""
    return [part.strip() for part in re.findall(rf'(?:<[^>]*>|"(?:\\.|[^"\\])*"|[^{separator}<"])+', text)]


def _parameter(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    value = value.strip()
    if len(value) > 1 and value.startswith(_QUOTE) and value.endswith(_QUOTE):
        value = re.sub(r"\\(.)", r"\1", value[1:-1])
    return name.strip().lower(), value


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace(_QUOTE, '\\"')
    return f'"{escaped}"'


# trickle and restart (RFC 8840)


@dataclass(frozen=True, slots=True)
class Fragment:
    """ICE credentials with candidate lines (`candidate:…`); `complete`: no more will follow."""

    ufrag: str
    password: str
    candidates: tuple[str, ...] = ()
    complete: bool = False


def read_fragment(text: str) -> Fragment:
    """Raises MessageError for one without credentials, and for what is no fragment."""
    try:
        sections = SessionDescription.parse(text, fragment=True).sections
    except SdpError as error:
        raise MessageError(f"unusable fragment: {error}") from error
    first = next((section for section in sections if section.ice_ufrag and section.ice_pwd), None)
    if first is None:
        raise MessageError("unusable fragment: no a=ice-ufrag and a=ice-pwd with a media line")
    lines = dict.fromkeys(candidate.to_sdp() for section in sections for candidate in section.candidates)
    complete = any(section.end_of_candidates for section in sections)
    return Fragment(first.ice_ufrag or "", first.ice_pwd or "", tuple(lines), complete)


def write_trickle(offer: str, candidates: Sequence[str | None]) -> str:
    """Candidates of ours that `offer` (or answer) did not have yet, None for their end. Raises MessageError."""
    lines = tuple(line for line in candidates if line is not None)
    section = _tagged(offer)
    return _fragment(offer, Fragment(section.ice_ufrag or "", section.ice_pwd or "", lines, None in candidates))


def write_restart(offer: str, fresh: Fragment) -> str:
    """New credentials of ours, with the candidates that belong to them. Raises MessageError."""
    return _fragment(offer, fresh)


def _tagged(description: str) -> MediaSection:
    try:
        return SessionDescription.parse(description).bundled_transport_section()
    except SdpError as error:
        raise MessageError(f"unusable description: {error}") from error


def _fragment(description: str, fragment: Fragment) -> str:
    """In the one media line that has a transport: the first of the bundle (RFC 9725 section 4.3.2)."""
    try:
        found = [Candidate.parse(line) for line in fragment.candidates]
    except SdpError as error:
        raise MessageError(f"unusable candidate: {error}") from error
    section = replace(_tagged(description), ice_ufrag=fragment.ufrag, ice_pwd=fragment.password)
    return write_fragment(replace(section, candidates=found, end_of_candidates=fragment.complete))


# problems (RFC 9457)


def write_problem(status: int, title: str, detail: str) -> str:
    """A problem document; `detail` is for a person."""
    return json.dumps({"type": "about:blank", "title": title, "status": status, "detail": detail})


def read_problem(response: Response) -> str:
    """What went wrong in the server's own words: of a problem document, or of a short text. "" where it says nothing."""
    if response.content_type.endswith("json"):
        try:
            told = json.loads(response.body)
        except ValueError:
            return ""
        words = [told.get(name) for name in ("detail", "title", "error", "message")] if isinstance(told, dict) else []
        return _clean(next((word for word in words if isinstance(word, str) and word), ""))
    told = _clean(response.body) if response.content_type == "text/plain" else ""
    return told.removeprefix(f"{response.status}: ")  # many servers repeat it there


def _clean(text: str) -> str:
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text[:_SHOWN]).split())
