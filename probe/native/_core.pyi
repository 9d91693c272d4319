"""The compiled packet path: see probe.native for what stands in for it."""

import builtins
from collections.abc import Callable, Sequence
from socket import socket
from typing import Literal

from typing_extensions import Buffer

def use_srtp(protect: int, unprotect: int) -> None:
    """Addresses of libsrtp's srtp_protect and srtp_unprotect."""

def seals() -> bool:
    """Whether this processor can do what a Seal does."""

class Seal:
    """Protects the RTP packets of one connection by AES-128-GCM (RFC 7714), as libsrtp does. `master`: 16 bytes of key, 12 of salt.
    Raises ValueError for another length, RuntimeError where the processor can't."""

    def __init__(self, master: bytes) -> None: ...
    def protect(self, packet: Buffer, again: bool = False, /) -> bytes:
        """A clear packet, protected. Raises ValueError for what is no RTP, and for a number that was used; `again`: that it was, for
        this very packet."""

# Sending (content.c, track.c, source.c, pacer.c)

class Content:
    """An immutable loop of frames (payloads, keyframe, index, size): `payloads` are cut for one codec, `size` counts the bytes
    before. `gop`: frames between places where the loop may be entered. `picture_id_offset`: where in each payload the
    15-bit picture id of the stream goes, -1 for none. Raises ValueError for what can't be sent."""

    def __init__(
        self, frames: Sequence[tuple[tuple[bytes, ...], bool, int, int]], gop: int, picture_id_offset: int = -1
    ) -> None: ...
    @property
    def frames(self) -> int: ...
    @property
    def packets(self) -> int: ...
    @property
    def gop(self) -> int: ...

class Track:
    """One outgoing RTP stream on `socket`, protected by the libsrtp session at address `session`, which `owner` keeps alive.
    `header`: the RTP header that all its packets share; `capture_at`: where in it the absolute capture time goes, -1 nowhere.
    `seal` protects in its place. `keep`: packets that can be had again. Nothing is sent before a destination is set, or on a
    closed socket."""

    hear: Callable[[bytes], None] | None
    def __init__(
        self,
        socket: socket,
        session: int,
        owner: object,
        kind: str,
        header: bytes,
        capture_at: int,
        clock_rate: float,
        ntp_offset: float,
        sequence: int,
        timestamp_base: int,
        keep: int,
        seal: Seal | None = None,
    ) -> None: ...
    def set_destination(self, address: bytes, connected: bool = False, /) -> None:
        """A packed sockaddr. `connected`: the socket is, to that address."""
    def disconnect(self) -> None:
        """Let go of socket and session: from now on packets are numbered, not sent."""
    def send_again(self, packet: builtins.bytes, /) -> None:
        """A clear packet of this stream, unchanged since it was sent first."""
    def packet(self, sequence: int, /) -> bytes | None:
        """The clear packet with that sequence number, None if it is not kept."""
    @property
    def last(self) -> tuple[int, float] | None:
        """RTP timestamp and capture time of the last frame, None before the first."""
    @property
    def packets(self) -> int: ...
    @property
    def octets(self) -> int: ...
    @property
    def wire_bytes(self) -> int: ...
    @property
    def frames(self) -> int: ...
    @property
    def bytes_sent(self) -> int: ...
    @property
    def send_drops(self) -> int: ...
    @property
    def unreachable(self) -> int: ...
    @property
    def srtp_errors(self) -> int: ...

class Source:
    """A camera or microphone: plays `content` from frame `position` on, one frame each `interval` seconds. Capture times
    stay `apart` seconds from each other."""

    def __init__(
        self,
        content: Content,
        interval: float,
        kind: Literal["audio", "video"],
        position: int = 0,
        apart: float = 0.0,
    ) -> None: ...
    def attach(self, target: Track | Callable[[int, float, int], object], content: Content = ..., /) -> None:
        """Send each frame to the track, cut as `content` of the same length says (default: the source's own), or call the target
        with (number of the frame in the loop, capture time, position on the media's clock)."""
    def detach(self, target: Track | Callable[[int, float, int], object], /) -> bool:
        """Send to it no more. Whether it was attached."""
    def request_keyframe(self) -> None:
        """Skip to the start of the coming group of pictures, unless it is about to begin anyway."""
    def find(self, index: int, seen: float, /) -> tuple[int, float] | None:
        """(tick, time) of the last capture of that index not after `seen`, of the last 30 seconds' video."""
    @property
    def position(self) -> int: ...
    @property
    def ticks(self) -> int: ...
    @property
    def bytes(self) -> int: ...
    @property
    def attached(self) -> int: ...

class Pacer:
    """Ticks sources in the order of their due times."""

    def add(self, source: Source, due: float, /) -> None: ...
    def remove(self, source: Source, /) -> bool: ...
    def run(self, now: float | None = None, most: int = 20000, /) -> float | None:
        """Tick all that is due within half a millisecond, `most` ticks at most: by the machine's clock, read anew for each
        tick, or at the simulated time `now`. The next due time, None without sources."""
    def take_lateness(self) -> bytes:
        """Seconds by which each tick since the last call came late: float64."""
    @property
    def next_due(self) -> float | None: ...
    @property
    def sources(self) -> int: ...
    @property
    def lateness_lost(self) -> int: ...

# Reception (stream.c, socket.c, arrivals.c, reader.c)

class StreamCounter:
    """One stream counted; `probe.measure.stream_counter.StreamCounter` says what each figure means."""

    ssrc: int
    clock_rate: int
    packets: int
    bytes: int
    duplicates: int
    reordered: int
    recovered: int
    strays: int
    restarts: int
    jitter_seconds: float
    arrival: float
    eager: bool
    repeated_bytes: int
    authenticated: int
    refused: int
    overrun: int
    def __init__(self, ssrc: int, clock_rate: int) -> None: ...
    def on_packet(
        self, sequence: int, timestamp: int, arrival: float, size: int, /
    ) -> tuple[int, bool, bool, bool, bool]: ...
    def on_recovered(self, sequence: int, /) -> tuple[int, bool, bool, bool, bool] | None: ...
    def watch(
        self,
        payload_type: int,
        capture_id: int,
        transport_id: int,
        ntp_offset: float,
        trailer: int,
        authenticate_every: int,
    ) -> None: ...
    def append(
        self, sequence: int, arrival: float, capture: float, timestamp: int, size: int, flags: int, transport: int, /
    ) -> None: ...
    def take(self) -> builtins.bytes: ...
    @property
    def expected(self) -> int: ...
    @property
    def loss_runs(self) -> int: ...
    @property
    def highest(self) -> int | None: ...

class Socket:
    """A UDP socket for a Reader; `token` is handed up with what is not counted."""

    def __init__(self, fd: int, token: object) -> None: ...
    def secure(self, owner: object, session: int, /) -> None: ...
    def watch(self, stream: StreamCounter, /) -> None: ...
    def unwatch(self, stream: StreamCounter, /) -> bool: ...
    @property
    def fd(self) -> int: ...
    @property
    def bytes_received(self) -> int: ...
    @property
    def packets(self) -> int: ...
    @property
    def socket_drops(self) -> int: ...

class Reader:
    """Drains many sockets at once."""

    def add(self, socket: Socket, /) -> None: ...
    def remove(self, socket: Socket, /) -> None:
        """Before its descriptor is closed. Raises ValueError for one that is not read here."""
    def drain(
        self, offset: float, /
    ) -> tuple[list[tuple[object, builtins.bytes, tuple[object, ...], float]], list[StreamCounter]]: ...
    def fileno(self) -> int: ...
    def close(self) -> None:
        """Idempotent. Sockets that are left are let go of."""

# Forwarding (forward.c)

class Route:
    """Where one subscriber's packets go; nowhere at first. What can't be sent is lost, as on a wire, and counted."""

    def __init__(self) -> None: ...
    def set(self, socket: socket, address: bytes, session: object, pointer: int, /) -> None:
        """Lead from the socket to a packed sockaddr. `pointer`: the libsrtp session's address, which `session` keeps alive."""
    def clear(self) -> None:
        """Lead nowhere."""
    @property
    def bytes_sent(self) -> int: ...
    @property
    def drops(self) -> int:
        """Packets that a full send buffer refused."""
    @property
    def unreachable(self) -> int:
        """Packets for which there was no way, or no socket any more."""
    @property
    def refused(self) -> int:
        """Packets that SRTP would not protect."""

class Output:
    """One subscriber's stream of a track: sfu_shim.core.outgoing.Numbers, and what the subscriber negotiated. The id and value
    of `mid` go with the first `mid_packets` packets."""

    source_ssrc: int
    anchor: int
    sequence_offset: int
    timestamp_offset: int
    next_sequence: int
    last_timestamp: int
    last_arrival: float
    packets: int
    octets: int
    def __init__(
        self,
        endpoint: str,
        route: Route,
        ssrc: int,
        payload_types: dict[int, int],
        extensions: dict[int, int],
        mid: tuple[int, bytes] | None,
        mid_packets: int,
    ) -> None: ...
    @property
    def endpoint(self) -> str: ...

class Fanout:
    """All outputs of a track, in the order in which they were added."""

    def __init__(self) -> None: ...
    def add(self, output: Output, /) -> None: ...
    def remove(self, output: object, /) -> None:
        """No effect if it is not there."""
    def forward(
        self,
        ssrc: int,
        sequence: int,
        timestamp: int,
        marker: bool,
        payload_type: int,
        payload: bytes,
        padding: int,
        extensions: dict[int, bytes],
        arrival: float,
        /,
    ) -> tuple[int, int, list[tuple[str, bytes]]]:
        """One packet for all that are anchored to its source: how many packets and clear bytes that were, and, as (endpoint,
        packet), those among them whose route leads nowhere. Raises ValueError for a packet that no datagram can hold."""

# Analysis (analysis.c): the usual cases of `probe.measure`, None where a case is unusual. `probe.native.analysis` calls these.

def frames(
    records: Buffer,
    next: int | None,
    clock: float,
    packets: int,
    first_arrival: float,
    capture: float,
    size: int,
    timestamp: int,
    /,
) -> tuple[bytes, int, float, int, int, float, float, int, int] | None:
    """Whole frames of an unbroken run of records, the state of HeaderFrames before it: their columns (complete, first arrival,
    capture, size, timestamp) one behind the other, how many, and the state after it."""

def rising(values: Buffer, before: float, step: float, /) -> bool:
    """Whether each value is more than a step above the one before."""

def rhythm(
    times: Buffer, last: float, total: float, squares: float, longest: float, /
) -> tuple[float, float, float, float]:
    """Sums of the intervals between frames, as FrameClock has them."""

def intervals(times: Buffer, last: int, /) -> tuple[list[int], int]:
    """Milliseconds between frames, of which the one before them was at `last`, and when the last of them was."""

def tally(
    values: Buffer, smallest: float, largest: float, log_factor: float, /
) -> (
    tuple[float, float, list[tuple[int, int, int, int, int, int]], int, list[tuple[int, int]], list[tuple[int, int]]]
    | None
):
    """What float64 values add to a histogram (`probe.measure.histogram.Tally`); None: leave it to Python, nothing is changed."""

def playout(
    sequences: Buffer,
    media_times: Buffer,
    arrivals: Buffer,
    times: Buffer,
    transits: Buffer,
    newest: float,
    base: float,
    base_time: float,
    target: float,
    since_target: int,
    /,
) -> tuple[bytes, bytes, bytes, bytes, bytes, float, float, float, int] | None:
    """A steady run of packets and the state of PlayoutBuffer before it: what it adds to times, transits, sequences, deadlines
    and waits, and the state after it. Raises ValueError for columns that are not equally long."""

def judge(
    sequences: Buffer, deadlines: Buffer, waits: Buffer, now: float, evaluated: int | None, /
) -> tuple[int, int, int, int, int, bytes, bytes, bytes, bytes] | None:
    """What became due: the last number, how many were expected, lost, late, loss runs, the waits of those heard, and what is left of
    the three columns. Raises ValueError for columns that are not equally long."""
