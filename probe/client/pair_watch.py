"""Whether a connection's packets go another way than a moment ago: ICE's selected pair of candidates has changed."""

from __future__ import annotations

from collections.abc import Callable

from probe.rtc.peer import Peer


class PairWatch:
    """Of one connection. `notice(words)` hears of every change: a platform that re-points connections without a word, a network
    that was changed for another, a NAT that forgot its mapping."""

    def __init__(self, peer: Peer, notice: Callable[[str], None]) -> None:
        self._peer = peer
        self._notice = notice
        self._types: tuple[str, str] | None = None
        self._address: tuple[str, int] | None = None

    def changed(self) -> bool:
        """Whether it has since the last call. The first pair is no change."""
        types, address = self._peer.selected_pair, self._peer.remote_address
        before, self._types, self._address = (self._types, self._address), types, address
        if types is None or before[0] is None or before == (types, address):
            return False
        elsewhere = " at another address" if address != before[1] else ""
        self._notice(f"selected pair changed: {'/'.join(before[0])} to {'/'.join(types)}{elsewhere}")
        return True
