"""The DTLS association: two of ours over a wire that we hold in our hands."""

from __future__ import annotations

import asyncio
from collections import deque

import pytest

from probe.rtc.certificate import SharedCertificate
from probe.rtc.dtls import Dtls, DtlsError, Role, Sessions
from probe.wire.rtp import build_packet

OURS, THEIRS = SharedCertificate.generateCertificate(), SharedCertificate.generateCertificate()


class End:
    """One end; what it sends waits in `sent` until the wire carries it."""

    def __init__(self, certificate: SharedCertificate) -> None:
        self.sent: deque[bytes] = deque()
        self.spoke = asyncio.Event()
        self.closed = 0
        self.dtls = Dtls(certificate, self._send, self._on_closed)

    def _send(self, data: bytes) -> None:
        self.sent.append(data)
        self.spoke.set()

    def _on_closed(self) -> None:
        self.closed += 1

    def connect(self, role: Role, fingerprints: list[tuple[str, str]]) -> asyncio.Task[Sessions]:
        return asyncio.create_task(self.dtls.connect(role, fingerprints))


def carry(one: End, other: End) -> None:
    """Until nobody has anything to say."""
    while one.sent or other.sent:
        for source, sink in ((one, other), (other, one)):
            while source.sent:
                sink.dtls.arrived(source.sent.popleft())


async def pair() -> tuple[End, End, Sessions, Sessions]:
    client, server = End(OURS), End(THEIRS)
    connecting = client.connect("client", THEIRS.sha256), server.connect("server", OURS.sha256)
    await asyncio.sleep(0)
    carry(client, server)
    return client, server, *await asyncio.gather(*connecting)


async def test_both_ends_get_sessions_that_fit() -> None:
    client, server, ours, theirs = await pair()
    clear = build_packet(payload_type=96, marker=False, sequence_number=1, timestamp=2, ssrc=3, payload=b"hello")
    assert theirs[0].unprotect(ours[1].protect(clear)) == clear
    assert ours[0].unprotect(theirs[1].protect(clear)) == clear
    assert client.dtls.profile == server.dtls.profile == "SRTP_AEAD_AES_128_GCM"
    assert client.dtls._timer is None
    assert server.dtls._timer is None
    client.dtls.close()
    server.dtls.close()


async def test_the_goodbye_is_heard_once() -> None:
    client, server, _, _ = await pair()
    server.dtls.close()
    server.dtls.close()
    assert len(server.sent) == 1
    carry(client, server)
    client.dtls.arrived(b"\x15 something late")
    client.dtls.close()
    assert (client.closed, server.closed) == (1, 0)
    assert not client.sent


@pytest.mark.parametrize(
    "told",
    [
        [("sha-256", "00:" * 31 + "00")],
        [("md5", "00")],  # none that we know
        [],
        [*THEIRS.sha256, ("sha-512", "00")],  # one fits and one does not
    ],
)
async def test_another_certificate_than_told_is_refused(told: list[tuple[str, str]]) -> None:
    client, server = End(OURS), End(THEIRS)
    refusing, other = client.connect("client", told), server.connect("server", OURS.sha256)
    await asyncio.sleep(0)
    carry(client, server)
    with pytest.raises(DtlsError, match="fingerprint"):
        await refusing
    await other  # it can't know
    server.dtls.close()


async def test_fingerprints_may_be_written_in_either_case() -> None:
    client, server = End(OURS), End(THEIRS)
    told = [(name.upper(), value.lower()) for name, value in THEIRS.sha256]
    connecting = client.connect("client", told), server.connect("server", OURS.sha256)
    await asyncio.sleep(0)
    carry(client, server)
    await asyncio.gather(*connecting)
    client.dtls.close()
    server.dtls.close()


async def test_what_comes_before_we_begin_is_kept_up_to_a_bound() -> None:
    client, server = End(OURS), End(THEIRS)
    connecting = client.connect("client", THEIRS.sha256)
    await asyncio.sleep(0)
    carry(client, server)  # the server's ICE is not through yet
    for _ in range(1000):
        server.dtls.arrived(b"\x16 and more")
    assert len(server.dtls._early) == 16
    accepting = server.connect("server", OURS.sha256)
    await asyncio.sleep(0)
    carry(client, server)
    await asyncio.gather(connecting, accepting)
    client.dtls.close()
    server.dtls.close()


async def test_a_lost_flight_is_sent_again() -> None:
    """The last one, of which the server thinks that it has arrived. The second until then is OpenSSL's (RFC 6347 4.2.4.1)."""
    client, server = End(OURS), End(THEIRS)
    connecting = client.connect("client", THEIRS.sha256), server.connect("server", OURS.sha256)
    await asyncio.sleep(0)
    server.dtls.arrived(client.sent.popleft())
    client.dtls.arrived(server.sent.popleft())
    server.dtls.arrived(client.sent.popleft())
    server.sent.clear()  # lost
    await connecting[1]
    assert not connecting[0].done()
    client.spoke.clear()
    await asyncio.wait_for(client.spoke.wait(), 3.0)
    carry(client, server)
    await connecting[0]
    assert client.dtls._timer is None
    client.dtls.close()
    server.dtls.close()


async def test_the_first_message_is_repeated_soon_until_anything_is_heard() -> None:
    """As whoever is not ready yet needs it: OpenSSL by itself would wait for a second."""
    client, server = End(OURS), End(THEIRS)
    connecting = client.connect("client", THEIRS.sha256), server.connect("server", OURS.sha256)
    for _ in range(3):
        await asyncio.wait_for(client.spoke.wait(), 0.9)
        client.spoke.clear()
    lost = client.sent.popleft()
    assert set(client.sent) == {lost}
    carry(client, server)
    ours, theirs = await asyncio.gather(*connecting)
    assert client.dtls._insisting is not None
    assert client.dtls._insisting.cancelled()
    clear = build_packet(payload_type=96, marker=False, sequence_number=1, timestamp=2, ssrc=3, payload=b"hello")
    assert theirs[0].unprotect(ours[1].protect(clear)) == clear
    client.dtls.close()
    server.dtls.close()


async def test_closing_ends_the_wait() -> None:
    client = End(OURS)
    connecting = client.connect("client", THEIRS.sha256)
    await asyncio.sleep(0)
    timer = client.dtls._timer
    assert timer is not None
    client.dtls.close()
    assert timer.cancelled()
    with pytest.raises(DtlsError, match="closed"):
        await connecting
    with pytest.raises(DtlsError, match="closed"):
        await client.dtls.connect("client", THEIRS.sha256)


@pytest.mark.parametrize("garbage", [b"\x16", b"\x16" * 60, bytes([20]) + bytes(200), bytes([63]) + b"\xff" * 1400])
async def test_garbage_in_the_handshake_is_not_minded(garbage: bytes) -> None:
    client, server = End(OURS), End(THEIRS)
    connecting = client.connect("client", THEIRS.sha256), server.connect("server", OURS.sha256)
    await asyncio.sleep(0)
    client.dtls.arrived(garbage)
    server.dtls.arrived(garbage)
    carry(client, server)
    await asyncio.gather(*connecting)
    client.dtls.arrived(garbage)  # nor later
    assert client.closed == 0
    client.dtls.close()
    server.dtls.close()
