"""Who publishes in a VideoRoom, what of it we get, and what to ask for next. Pure.

One request is on its way at a time, and none while an offer of Janus's waits for its answer: what changes meanwhile goes into
the next one, so that many who come at once cost few negotiations.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from probe.signalling.janus_messages import Feed, Id, Section


@dataclass(frozen=True, slots=True)
class Wish:
    """Streams (feed, mid) to subscribe to, or sections (mids of ours) to be rid of."""

    subscribe: tuple[tuple[Id, str], ...] = ()
    unsubscribe: tuple[str, ...] = ()


@dataclass(slots=True)
class Feeds:
    """`busy`: no wish may be sent now. `names`: the participant that each feed is."""

    names: dict[Id, str] = field(default_factory=dict)
    busy: bool = False
    _wanted: dict[Id, Feed] = field(default_factory=dict)
    _sections: tuple[Section, ...] = ()
    _asked: set[tuple[Id, str]] = field(default_factory=set)
    _last: Wish = Wish()

    def publish(self, feeds: Iterable[Feed]) -> list[str]:
        """These publish now. Returns the participants that are new."""
        new = []
        for feed in feeds:
            if feed.id not in self.names:
                self.names[feed.id] = participant(feed.display, feed.id)
                new.append(self.names[feed.id])
            self._wanted[feed.id] = feed
        return new

    def gone(self, feed: Id) -> str | None:
        """That one publishes no more. Returns the participant, None where it was told before."""
        self._forget(feed)
        return self.names.pop(feed, None)

    def refused(self, words: str) -> bool:
        """A request failed because a feed that it named had ended; `words` are Janus's. Whether it names one of ours, which is
        not asked for again; that it left is told by an event of its own."""
        self.busy = False
        self._asked -= set(self._last.subscribe)
        found = re.search(r"\(([^()]+)\)\s*$", words)
        known = next((feed for feed in self._wanted if found is not None and str(feed) == found[1]), None)
        if known is not None:
            self._forget(known)
        return known is not None

    def _forget(self, feed: Id) -> None:
        self._wanted.pop(feed, None)
        self._asked -= {(known, mid) for known, mid in self._asked if known == feed}

    def get(self, sections: tuple[Section, ...]) -> dict[str, str]:
        """What Janus's description carries from now on. Returns whose media is in each section, by mid."""
        self._sections = sections
        self._asked -= self._carried
        return {s.mid: self.names.get(s.feed, participant("", s.feed)) for s in sections if s.feed is not None}

    @property
    def _carried(self) -> set[tuple[Id, str]]:
        exact = {(section.feed, section.feed_mid) for section in self._sections if section.feed is not None}
        return exact | {(feed, "") for feed, _ in exact}

    def next_wish(self) -> Wish | None:
        """What to ask for now, which is on its way from then on: `busy` is to be cleared when it was answered."""
        if self.busy:
            return None
        have = self._carried | self._asked
        streams = [(feed.id, track.mid) for feed in self._wanted.values() for track in feed.tracks]
        missing = tuple(stream for stream in streams if stream not in have)
        left = tuple(s.mid for s in self._sections if s.feed is not None and s.feed not in self.names)
        if not missing and not left:
            return None
        self.busy = True
        if missing:
            self._asked |= set(missing)
            self._last = Wish(subscribe=missing)
            return self._last
        self._sections = tuple(section for section in self._sections if section.mid not in left)  # asked for once
        self._last = Wish(unsubscribe=left)
        return self._last

    def layered(self, only: str | None = None) -> list[str]:
        """Our mids of the video that comes in simulcast layers, of one participant or of all."""
        layered = {(feed.id, t.mid) for feed in self._wanted.values() for t in feed.tracks if t.simulcast}
        return [
            section.mid
            for section in self._sections
            if section.feed is not None
            and (section.feed, section.feed_mid) in layered
            and (only is None or self.names.get(section.feed) == only)
        ]


def participant(display: str, feed: Id) -> str:
    """The name of who publishes that feed: the same for itself and for all others, and only in this room its own."""
    return f"{display or 'feed'}/{feed}"
