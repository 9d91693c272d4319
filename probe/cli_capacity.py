"""`probe capacity`: what this machine can drive before its readings lie."""

from __future__ import annotations

import asyncio
import platform
import re
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, get_args

from rich.console import Console

from probe import __version__
from probe.cli_errors import complain, complain_of_unexpected, error_code
from probe.model.errors import ConfigError, MeasurementError, ProbeError
from probe.model.scenario import Depth
from probe.model.validation import nearest
from reports.jsonout import to_json

if TYPE_CHECKING:
    from probe.capacity.measure import Capacity, Options
    from probe.media.video import VideoSpec

_FPS, _BITRATE = 30, 500_000


@dataclass(frozen=True, slots=True)
class CapacityChoice:
    """The options of `probe capacity`; None: not given."""

    participants: int | None = None
    seconds: float = 10.0
    processes: int = 1
    topology: str = "p2p"
    meeting_size: int = 2
    depth: str = "headers"
    video_packets: int | None = None
    video_bitrate: int | None = None
    video: str | None = None
    fps: int | None = None
    bitrate: int | None = None
    authenticate: float = 0.01
    join_rate: float = 100.0
    limit_seconds: float = 600.0
    json: bool = False
    quiet: bool = False


def perform(choice: CapacityChoice) -> int:
    """Measure, tell, and return the exit code. Never raises for what can be expected to go wrong."""
    began, started_at = time.monotonic(), datetime.now(UTC)
    try:
        found = _measure(choice, check(choice))
    except ProbeError as error:
        complain(error)
        return error_code(error)
    except KeyboardInterrupt:
        complain(MeasurementError("interrupted: nothing can be said of half a measurement"))
        return 4
    except Exception as error:  # noqa: BLE001 - told in full, with its traceback
        return complain_of_unexpected(error)
    _tell(choice, found, started_at, time.monotonic() - began)
    return found.exit_code


def check(choice: CapacityChoice) -> Options:
    """All that can be wrong with the input is found here, before the first packet. Raises ConfigError."""
    depth = _one_of("--depth", choice.depth, get_args(Depth))
    topology = _one_of("--topology", choice.topology, ("p2p", "sfu"))
    from probe.capacity.measure import Options  # brings aiortc and av: not before they are needed
    from probe.capacity.work import VIDEO_BITRATE, VIDEO_PACKETS, Work

    video = _video(choice)
    if video is not None and (choice.video_packets is not None or choice.video_bitrate is not None):
        raise ConfigError(
            "made-up packets can't be decoded, and encoded video makes its own",
            who="--video-packets",
            hint="leave out --video-packets and --video-bitrate, or all of --depth, --video, --fps and --bitrate",
        )
    packets = VIDEO_PACKETS if choice.video_packets is None else choice.video_packets
    bitrate = VIDEO_BITRATE if choice.video_bitrate is None else choice.video_bitrate
    work = Work(
        topology, choice.meeting_size, depth, packets, bitrate, video, choice.join_rate, choice.authenticate
    )  # fmt: skip
    return Options(work, choice.participants, choice.seconds, choice.processes, choice.limit_seconds)


def _one_of(option: str, given: str, allowed: tuple[str, ...]) -> Any:
    if given not in allowed:
        raise ConfigError(
            f"unknown {option.lstrip('-')} {given!r}{nearest(given, dict.fromkeys(allowed))}",
            who=option,
            hint=f"one of {', '.join(allowed)}",
        )
    return given


def _video(choice: CapacityChoice) -> VideoSpec | None:
    """The encoded video that is sent; None for the reference work, which is the default where nobody decodes."""
    asked = (choice.video, choice.fps, choice.bitrate) != (None, None, None)
    if not asked and choice.depth == "headers":
        return None
    size = re.fullmatch(r"(\d{1,5})x(\d{1,5})", choice.video or "640x360")
    if size is None:
        raise ConfigError(f"{choice.video!r} is no size", who="--video", hint="write it as 640x360")
    from probe.media.video import VideoSpec

    fps = _FPS if choice.fps is None else choice.fps
    bitrate = _BITRATE if choice.bitrate is None else choice.bitrate
    return VideoSpec(int(size[1]), int(size[2]), fps, bitrate)


def _measure(choice: CapacityChoice, options: Options) -> Capacity:
    from probe.capacity.measure import measure
    from probe.capacity.terminal import Teller

    with Teller(Console(stderr=True, quiet=choice.quiet)) as teller:
        return asyncio.run(measure(options, teller.tell, teller.point))


def _tell(choice: CapacityChoice, found: Capacity, started_at: datetime, seconds: float) -> None:
    from probe.capacity.document import build_document
    from probe.capacity.terminal import print_capacity

    if not choice.json:
        print_capacity(found, Console())
        return
    document = build_document(
        found,
        version=__version__,
        started_at=started_at.isoformat(timespec="seconds"),
        duration_seconds=seconds,
        python=platform.python_version(),
        system=f"{platform.system()} {platform.machine()}",
    )
    sys.stdout.write(to_json(document))
    sys.stdout.flush()
