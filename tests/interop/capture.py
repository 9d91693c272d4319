"""Media as somebody else sees it: captured on the loopback interface by dumpcap, read by tshark.

SRTP leaves RTP's header in clear (RFC 3711 section 3.1), so tshark counts and times packets without any key. What it can't know is
the clock rate of a dynamic payload type, without which it works out no jitter: a session announcement (SAP, RFC 2974) that is
sent into the capture tells it. DTLS stays out of the capture: having seen a DTLS-SRTP handshake, tshark forgets what was announced.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import signal
import socket
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from probe.wire.sdp import Codec, SessionDescription
from tests.interop import needs

_HOST = "127.0.0.1"
_IS_MEDIA = "udp[8] & 0xc0 = 0x80"  # RFC 7983: the first byte of RTP and RTCP is 128 to 191
_SAP_HEADER = bytes((0x20, 0, 0, 1, *socket.inet_aton(_HOST))) + b"application/sdp\0"
_START_DEADLINE = 10.0
_RUN_DEADLINE = 20.0
_FIELDS = ("frame.time_epoch", "udp.dstport", "rtp.ssrc", "rtp.seq", "rtp.timestamp", "rtp.marker")
_STREAM = re.compile(r"(0x[0-9A-F]{8})\s+(\S+)\s+(\d+)\s+(-?\d+) \((-?[\d.]+)%\)((?:\s+-?[\d.]+){6})")
_DROPPED = re.compile(rb"received/dropped on interface '[^']*': \d+/(\d+)")


class SeenPacket(NamedTuple):
    """An RTP packet as tshark took it apart. `time`: seconds since 1970, by the kernel."""

    time: float
    port: int
    ssrc: int
    sequence: int
    timestamp: int
    marker: bool


class SeenStream(NamedTuple):
    """A line of tshark's `-z rtp,streams`. Jitter in seconds; `lost_percent` is printed with one decimal."""

    payload: str
    packets: int
    lost: int
    lost_percent: float
    mean_jitter: float
    max_jitter: float


class Capture:
    """Of what is sent to some UDP ports of 127.0.0.1. Use as an async context manager; `start`, then `stop`, then read.

    Skips (or fails, see `needs`) where tshark is missing or nothing may be captured.
    """

    def __init__(self, folder: Path) -> None:
        self._tshark = needs.program("tshark", package="tshark")
        self._dumpcap = needs.program("dumpcap", package="tshark")
        self._file = folder / "loopback.pcapng"
        self._ports: tuple[int, ...] = ()
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Capture:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):  # it ended by itself
                self._process.kill()
            await self._process.communicate()

    async def start(self, codecs: Mapping[int, Sequence[Codec]]) -> None:
        """Returns once everything sent to the ports is captured. `codecs`: what is sent to each."""
        self._ports = tuple(codecs)
        to_them = " or ".join(f"dst port {port}" for port in codecs)
        with _announcer() as (announcer, address):
            wanted = f"udp and (({to_them}) and {_IS_MEDIA} or dst port {address[1]})"
            self._process = await asyncio.create_subprocess_exec(
                self._dumpcap, "-q", "-i", "lo", "-f", wanted, "-w", str(self._file),
                stderr=asyncio.subprocess.PIPE,
            )  # fmt: skip
            await self._running(self._process)
            for port, its in codecs.items():
                announcer.sendto(_SAP_HEADER + _announcement(port, its), address)
            self._announced = address[1]

    @staticmethod
    async def _running(process: asyncio.subprocess.Process) -> None:
        """dumpcap names its file once the interface is open."""
        assert process.stderr is not None
        said = b""
        async with asyncio.timeout(_START_DEADLINE):
            while line := await process.stderr.readline():
                said += line
                if line.startswith(b"File:"):
                    return
        needs._missing(f"the right to capture on the interface lo (root or CAP_NET_RAW): {said.decode().strip()}")

    async def stop(self) -> None:
        """Nothing more is captured. A capture that lost packets is no witness: fails then."""
        assert self._process is not None
        process, self._process = self._process, None
        process.send_signal(signal.SIGINT)
        async with asyncio.timeout(_RUN_DEADLINE):
            _, told = await process.communicate()
        found = _DROPPED.search(told)
        assert found is not None, told
        assert int(found[1]) == 0, "dumpcap could not keep up"

    async def packets(self) -> list[SeenPacket]:
        """All RTP packets, in order."""
        fields = [word for field in _FIELDS for word in ("-e", field)]
        lines = (await self._read("-Y", "rtp.ssrc", "-T", "fields", *fields)).splitlines()
        return [_packet(line.split("\t")) for line in lines]

    async def streams(self) -> dict[int, SeenStream]:
        """tshark's own analysis, by SSRC."""
        table = await self._read("-q", "-z", "rtp,streams")
        return dict(_stream(line) for line in _STREAM.findall(table))

    async def _read(self, *arguments: str) -> str:
        decode = [word for port in self._ports for word in ("-d", f"udp.port=={port},rtp")]
        process = await asyncio.create_subprocess_exec(
            self._tshark, "-n", "-r", str(self._file), "-d", f"udp.port=={self._announced},sap", *decode, *arguments,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        async with asyncio.timeout(_RUN_DEADLINE):
            output, complaints = await process.communicate()
        assert process.returncode == 0, complaints.decode()
        return output.decode()


def codecs_in(sdp: str) -> list[Codec]:
    """Of all sections of a description."""
    return [codec for section in SessionDescription.parse(sdp).sections for codec in section.codecs]


@contextlib.contextmanager
def _announcer() -> Iterator[tuple[socket.socket, tuple[str, int]]]:
    """A socket, and a free address to send announcements to, where nobody reads them."""
    with socket.socket(type=socket.SOCK_DGRAM) as sender, socket.socket(type=socket.SOCK_DGRAM) as sink:
        sink.bind((_HOST, 0))
        yield sender, sink.getsockname()


def _announcement(port: int, codecs: Sequence[Codec]) -> bytes:
    """All codecs in one section: media is bundled on one port."""
    payload_types = " ".join(str(codec.payload_type) for codec in codecs)
    lines = ["v=0", f"o=- 1 1 IN IP4 {_HOST}", "s=-", f"c=IN IP4 {_HOST}", "t=0 0"]
    lines += [f"m=video {port} RTP/AVP {payload_types}"]
    lines += [f"a=rtpmap:{codec.payload_type} {codec.name}/{codec.clock_rate}" for codec in codecs]
    return "".join(f"{line}\r\n" for line in lines).encode()


def _packet(values: list[str]) -> SeenPacket:
    time, port, ssrc, sequence, timestamp, marker = values
    return SeenPacket(float(time), int(port), int(ssrc, 16), int(sequence), int(timestamp), marker in ("1", "True"))


def _stream(found: tuple[str, ...]) -> tuple[int, SeenStream]:
    ssrc, payload, packets, lost, percent, times = found
    *_, mean, most = (float(milliseconds) / 1000 for milliseconds in times.split())
    return int(ssrc, 16), SeenStream(payload, int(packets), int(lost), float(percent), mean, most)
