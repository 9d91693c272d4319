"""Texts without the names of rooms and participants, which are others each time: equal failures read alike, and stay countable."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping

MOST_KINDS = 200
"""Errors that are told apart in an engine's life."""
OTHERS = "others"
"""The message that stands for all further ones."""
SOMEBODY = "*"

_WORD = re.compile(r"[\w.-]+")
_PAIR = re.compile(re.escape(f"{SOMEBODY}, ") + "(?:" + re.escape(f"{SOMEBODY}, ") + ")*" + re.escape(SOMEBODY))

Kind = tuple[str, str, str]
"""Phase, who, message."""


def anonymous(text: str, names: Collection[str]) -> str:
    """The text with SOMEBODY in place of every one of these names that stands in it as a word of its own; a list of them is one."""
    found = _WORD.sub(lambda word: SOMEBODY if word[0] in names else word[0], text)
    return _PAIR.sub(f"{SOMEBODY}, …", found)


class Kinds:
    """Folds errors by phase and message. Of `who` only a server's address is kept: participants come and go."""

    def __init__(self, most: int = MOST_KINDS) -> None:
        self._most = most
        self._known: set[Kind] = set()

    def fold(self, errors: Mapping[Kind, int], names: Collection[str]) -> Counter[Kind]:
        """The counts by kind; a kind beyond the first `most` that were ever seen is one of the OTHERS."""
        counts: Counter[Kind] = Counter()
        for (phase, who, message), count in errors.items():
            counts[self._kind(phase, who, anonymous(message, names))] += count
        return counts

    def _kind(self, phase: str, who: str, message: str) -> Kind:
        kind = phase, who if "://" in who else "", message
        if kind not in self._known:
            if len(self._known) >= self._most:
                return "", "", OTHERS
            self._known.add(kind)
        return kind
