from __future__ import annotations

import pytest

from probe.wire.sdp import Candidate
from sfu_shim.core.link.candidates import rewrite_candidates

SDP = "\r\n".join(
    (
        "v=0",
        "o=- 1 1 IN IP4 127.0.0.1",
        "s=-",
        "t=0 0",
        "m=audio 50000 UDP/TLS/RTP/SAVPF 111",
        "c=IN IP4 192.0.2.7",
        "a=candidate:1 1 udp 2130706431 192.0.2.7 50000 typ host generation 0 ufrag abcd",
        "a=candidate:2 1 UDP 1694498815 203.0.113.5 61000 typ srflx raddr 192.0.2.7 rport 50000",
        "a=candidate:3 1 tcp 1518280447 192.0.2.7 9 typ host tcptype active",
        "a=candidate:4 1 udp 2130706431 2001:db8::7 50002 typ host",
        "a=candidate:5 1 udp 2130706431 6f1a.local 50003 typ host",
        "a=x-not-a-candidate:1 1 udp 1 192.0.2.7 1 typ host",
        "a=end-of-candidates",
        "",
    )
)


def test_every_udp_candidate_and_nothing_else() -> None:
    asked: list[tuple[str, int]] = []

    def relay_for(host: str, port: int) -> tuple[str, int]:
        asked.append((host, port))
        return ("::1" if ":" in host else "127.0.0.1", 40000 + len(asked))

    before, after = SDP.split("\r\n"), rewrite_candidates(SDP, relay_for).split("\r\n")
    assert asked == [
        ("192.0.2.7", 50000), ("203.0.113.5", 61000), ("2001:db8::7", 50002), ("6f1a.local", 50003),
    ]  # fmt: skip
    changed = {i: line for i, line in enumerate(after) if line != before[i]}
    assert len(before) == len(after)
    assert changed == {
        6: "a=candidate:1 1 udp 2130706431 127.0.0.1 40001 typ host generation 0 ufrag abcd",
        7: "a=candidate:2 1 UDP 1694498815 127.0.0.1 40002 typ srflx raddr 192.0.2.7 rport 50000",
        9: "a=candidate:4 1 udp 2130706431 ::1 40003 typ host",
        10: "a=candidate:5 1 udp 2130706431 127.0.0.1 40004 typ host",
    }


@pytest.mark.parametrize("prefix", ["", "a="])
def test_a_single_candidate(prefix: str) -> None:
    line = f"{prefix}candidate:842163049 1 udp 1677729535 192.0.2.7 46154 typ host"
    rewritten = rewrite_candidates(line, lambda host, port: ("127.0.0.1", port + 1))
    assert rewritten == line.replace("192.0.2.7 46154", "127.0.0.1 46155")
    assert Candidate.parse(rewritten).port == 46155


@pytest.mark.parametrize("text", ["", "candidate:", "candidate:1 1 udp x 1.2.3.4 5 typ host", "hello\n"])
def test_what_is_no_candidate_stays(text: str) -> None:
    assert rewrite_candidates(text, lambda host, port: ("no", 1)) == text
