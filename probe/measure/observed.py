"""How a run looked at what it measured: counts that add up over processes, and the sentences about them."""

from __future__ import annotations

from collections.abc import Mapping

PACKETS = "packets"
"""RTP packets of all streams."""
AUTHENTICATED = "authenticated"
"""Those that were decrypted and authenticated (RFC 3711 section 3.3)."""
REFUSED = "refused"
"""Those of them that were not what the sender had sent."""
VIDEO_STREAMS = "video streams"
PICTURE_SAMPLES = "picture samples"
"""Turns in which pictures of a stream were decoded and rated."""
PICTURE_MILLISECONDS = "picture milliseconds"
FOREIGN = "foreign: "
"""Before what the pictures of somebody else's stream are."""
CLOCK = "clock: "
"""Before how its capture times were found, or why not."""


def statement(observed: Mapping[str, int]) -> list[str]:
    """What a reader of the figures has to know of how they came about; empty where everything was looked at."""
    return [*_headers(observed), *_foreign(observed)]


def _foreign(observed: Mapping[str, int]) -> list[str]:
    """Of streams that are not ours."""
    found = [(name, count) for name, count in sorted(observed.items()) if name.startswith((FOREIGN, CLOCK))]
    pictures = [
        f"{_streams(count)} of others: {name.removeprefix(FOREIGN)}, no source to compare the pictures with"
        for name, count in found
        if name.startswith(FOREIGN)
    ]
    clocks = [
        f"frame latency of {_streams(count)} of others: {name.removeprefix(CLOCK)}"
        for name, count in found
        if name.startswith(CLOCK)
    ]
    return pictures + clocks


def _streams(count: int) -> str:
    return f"{count} stream" if count == 1 else f"{count} streams"


def _headers(observed: Mapping[str, int]) -> list[str]:
    packets = observed.get(PACKETS, 0)
    if not packets:
        return []
    authenticated, refused = observed.get(AUTHENTICATED, 0), observed.get(REFUSED, 0)
    outcome = f"of which {refused} were refused" if refused else "none refused"
    said = [
        f"headers only: {packets} packets read from their clear headers, {100 * authenticated / packets:.2f} % of them authenticated, "
        + outcome
    ]
    samples, streams = observed.get(PICTURE_SAMPLES, 0), observed.get(VIDEO_STREAMS, 0)
    if samples:
        seconds = observed.get(PICTURE_MILLISECONDS, 0) / 1000
        said.append(
            f"picture quality is a sample: {samples} looks at {streams} video streams, {seconds:.0f} s of pictures in all"
        )
    elif streams:
        said.append("no pictures were decoded: video is rated by what bitrate, size and frame rate let expect")
    return said
