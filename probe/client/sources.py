"""The streams by which one view perceives its remote: of each kind on each path, as many as sources came to send them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from probe.client.listening import Listening
from probe.client.perceived import Perceived
from probe.measure.recognition import Flow

_MOST = 8
"""Sources of one kind on one path that are kept: a server that changes them all the time would fill the memory."""


class Sources:
    """A source may give way to another on the same path (a server switches to a new SSRC) and come back later, and what looks like
    a new one may bring nothing but padding: so all are kept until their path is closed."""

    def __init__(self) -> None:
        self._streams: dict[tuple[str, str], list[Perceived]] = defaultdict(list)

    def add(self, path: str, kind: str, stream: Perceived) -> Perceived | None:
        """One more. The one that has been silent longest, if it has to make room: it is over."""
        there = self._streams[path, kind]
        gone = min(there, key=lambda one: one.last) if len(there) >= _MOST else None
        if gone is not None:
            there.remove(gone)
        there.append(stream)
        return gone

    def __iter__(self) -> Iterator[tuple[str, str, Perceived]]:
        """Path, kind and stream, in the order in which the paths came."""
        return ((path, kind, one) for (path, kind), streams in self._streams.items() for one in streams)

    @property
    def paths(self) -> list[str]:
        """Those that are open."""
        return list(dict.fromkeys(path for path, _ in self._streams))

    def flows_on(self, path: str, kinds: tuple[str, ...]) -> bool:
        """Whether media of all these kinds has come through that path."""
        return all(any(one.media for one in self._streams.get((path, kind), ())) for kind in kinds)

    def flows(self, remote: str) -> list[Flow]:
        """Where its media has come."""
        return [Flow(remote, kind, path, one.since, one.last) for path, kind, one in self if one.media]

    @property
    def heard(self) -> Listening | None:
        """The stream of audio that came last; the newest where none has come."""
        found = [one for _, _, one in self if one.listening is not None]
        return max(reversed(found), key=lambda one: one.last).listening if found else None

    def close(self, path: str) -> list[Perceived]:
        """The path is gone: its streams, which are over."""
        gone = [key for key in self._streams if key[0] == path]
        return [stream for key in gone for stream in self._streams.pop(key)]
