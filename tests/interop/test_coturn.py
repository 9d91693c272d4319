"""Through the real coturn: relays over UDP, TCP and TLS, what it refuses in words, and whole runs on the legs that need it."""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aioice import stun

from probe.model.errors import ConnectionFailed, ProbeError
from probe.model.ice import rest_credentials
from probe.model.platform import SYSTEM, Platform, Tls
from probe.rtc.clock import Clock
from probe.rtc.ice_server import IceServer
from probe.rtc.peer import Peer, PeerConfig
from probe.run import RunOptions
from probe.wire.rtp import build_packet
from sfu_shim.config import ShimConfig
from sfu_shim.core.policy import Policy
from sfu_shim.core.protocol import IceServerEntry
from sfu_shim.server import ShimServer
from tests.integration.small import count, mean, run, scenario
from tests.interop.coturn import PASSWORD, SHARED_SECRET, USER, Coturn, coturn
from tests.interop.lossy_way import lossy_way

pytestmark = pytest.mark.timeout(90)
VARIABLE = "COTURN_TEST_PASSWORD"
WAYS = ("udp", "tcp", "tls")


class Ends:
    """Two peers that have something to say to each other; `troubles` are what they told."""

    def __init__(self, a: PeerConfig, b: PeerConfig) -> None:
        self.troubles: list[ProbeError] = []
        self.a, self.b = (self._peer(label, config) for label, config in (("a", a), ("b", b)))

    def _peer(self, label: str, config: PeerConfig) -> Peer:
        peer = Peer(config, label=label, controlling=label == "a", clock=Clock(), rng=random.Random(label))
        peer.on_trouble = self.troubles.append
        peer.add_transceiver("audio", "sendrecv", (label, f"{label}-audio"))
        return peer

    async def connect(self) -> None:
        await self.a.accept_answer(await self.b.accept_offer(await self.a.create_offer()))
        await asyncio.gather(self.a.connect(), self.b.connect())

    async def close(self) -> None:
        await asyncio.gather(self.a.close(), self.b.close())


def relaying(turn: Coturn, *ways: str, password: str = PASSWORD, username: str = USER, **more: Any) -> PeerConfig:
    """Of one who goes through the relay only."""
    server = IceServer(tuple(turn.url(way) for way in ways), username, password)
    told: dict[str, Any] = {"relay_only": True, "tls": Tls(ca=turn.authority), "connect_deadline": 5.0}
    return PeerConfig(ice_servers=(server,), **(told | more))


def _packets(peer: Peer, number: int) -> list[bytes]:
    sender = peer.transceivers[0].sender
    assert sender is not None
    return [
        build_packet(
            payload_type=111,
            marker=False,
            sequence_number=n,
            timestamp=0,
            ssrc=sender.ssrc,
            payload=bytes([n] * (n + 1)),
        )
        for n in range(number)
    ]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("answerer_relays", [False, True])
async def test_media_goes_through_the_relay_and_no_first_check_is_lost(
    monkeypatch: pytest.MonkeyPatch, way: str, answerer_relays: bool
) -> None:
    monkeypatch.setattr(stun, "RETRY_RTO", 60.0)  # a lost check would be repeated too late
    async with coturn() as turn:
        ends = Ends(relaying(turn, way), relaying(turn, way) if answerer_relays else PeerConfig())
        await ends.connect()
        assert ends.a.pair_label == (f"relay-{way}/relay" if answerer_relays else f"relay-{way}/host")
        assert ends.b.pair_label == (f"relay-{way}/relay" if answerer_relays else "host/relay")
        for sender, receiver in ((ends.a, ends.b), (ends.b, ends.a)):
            came: list[tuple[bytes, float]] = []
            receiver.on_rtp = lambda packet, header, arrival, came=came: came.append((packet, arrival))  # type: ignore[misc]
            began, sent = time.monotonic(), _packets(sender, 20)
            for packet in sent:
                sender.send_rtp(packet)
            async with asyncio.timeout(5.0):
                while len(came) < len(sent):  # noqa: ASYNC110 - bounded
                    await asyncio.sleep(0.01)
            got, times = [packet for packet, _ in came], [arrival for _, arrival in came]
            assert got == sent  # of all lengths: those over a stream are padded
            assert times == sorted(times)
            assert began <= times[0] <= times[-1] <= time.monotonic()
            assert sender.bytes_sent == receiver.bytes_received
        assert ends.troubles == []
        await ends.close()


async def test_all_ways_are_gathered_and_udp_is_preferred() -> None:
    async with coturn() as turn:
        ends = Ends(relaying(turn, *WAYS), relaying(turn, *WAYS))
        await ends.connect()
        assert ends.a.pair_label == "relay-udp/relay"
        offered = [candidate.type for candidate in ends.a._stack.candidates()]
        assert offered == ["relay"] * 3
        assert ends.troubles == []
        await ends.close()


async def test_where_udp_is_blocked_only_streams_are_tried() -> None:
    async with coturn() as turn:
        ends = Ends(relaying(turn, *WAYS, udp=False, relay_only=False), PeerConfig())
        await ends.connect()
        assert ends.a.pair_label == "relay-tcp/host"
        assert [candidate.type for candidate in ends.a._stack.candidates()] == ["relay", "relay"]
        await ends.close()
        blocked = Ends(relaying(turn, "udp", udp=False), PeerConfig())
        with pytest.raises(ConnectionFailed, match="a relayed candidate was wanted") as failure:
            await blocked.connect()
        assert "over TCP or TLS" in failure.value.hint
        await blocked.close()


async def test_the_direct_way_is_taken_where_there_is_one() -> None:
    async with coturn() as turn:
        both = relaying(turn, "udp", relay_only=False)
        ends = Ends(both, both)
        await ends.connect()
        assert ends.a.pair_label == "host/host"
        await ends.close()


async def test_short_lived_credentials() -> None:
    async with coturn(rest=True) as turn:
        username, password = rest_credentials(SHARED_SECRET, "ann", time.time() + 60)
        ends = Ends(relaying(turn, "udp", username=username, password=password), PeerConfig())
        await ends.connect()
        assert ends.a.pair_label == "relay-udp/host"
        await ends.close()
        username, password = rest_credentials(SHARED_SECRET, "ann", time.time() - 60)
        expired = Ends(relaying(turn, "udp", username=username, password=password), PeerConfig())
        with pytest.raises(ConnectionFailed, match=r"refused the credentials of user '[0-9]+:ann' \(401") as failure:
            await expired.connect()
        assert "may have expired" in failure.value.hint
        await expired.close()


async def _refused(config: PeerConfig) -> str:
    ends = Ends(config, PeerConfig())
    with pytest.raises(ConnectionFailed) as failure:
        await ends.connect()
    await ends.close()
    assert failure.value.phase == "ice_gathering"
    return failure.value.message


async def test_what_it_refuses_is_told_in_words() -> None:
    async with coturn() as turn:
        for way in WAYS:
            said = await _refused(relaying(turn, way, password="wrong"))
            assert f"the TURN server {turn.url(way).replace('?transport=udp', '')} refused the credentials" in said
            assert "user 'probe' (401 Unauthorized)" in said
            assert "wrong" not in said
        nameless = PeerConfig(ice_servers=(IceServer((turn.url(),)),), relay_only=True)
        assert "wants credentials, and none were given (401 Unauthorized)" in await _refused(nameless)
        untrusted = await _refused(relaying(turn, "tls", tls=SYSTEM))
        assert "shows a certificate that is not to be trusted" in untrusted
        other_name = IceServer((turn.url("tls", "127.0.0.2"),), USER, PASSWORD)
        stranger = PeerConfig(ice_servers=(other_name,), relay_only=True, tls=Tls(ca=turn.authority))
        assert "nothing listens on TCP port" in await _refused(stranger)
        anybody = Ends(relaying(turn, "tls", tls=Tls(insecure=True)), PeerConfig())
        await anybody.connect()
        await anybody.close()


async def test_wrong_credentials_are_told_and_the_direct_way_is_taken() -> None:
    async with coturn() as turn:
        wrong = relaying(turn, "udp", "tcp", password="wrong", relay_only=False)
        ends = Ends(wrong, PeerConfig())
        await ends.connect()
        assert ends.a.pair_label == "host/host"
        assert len(ends.troubles) == 2
        assert all("(401 Unauthorized)" in trouble.message for trouble in ends.troubles)
        await ends.close()


async def test_a_relay_is_reached_over_ipv6() -> None:
    async with coturn() as turn:
        config = relaying(turn, "udp", addresses=("::1",))
        over_six = replace(config, ice_servers=(IceServer((f"turn:[::1]:{turn.port}",), USER, PASSWORD),))
        ends = Ends(over_six, over_six)
        await ends.connect()
        assert ends.a.pair_label == ends.b.pair_label == "relay-udp/relay"
        assert ends.troubles == []
        await ends.close()


async def test_a_run_tells_of_servers_that_it_could_do_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "wrong")
    async with coturn() as turn:
        result = await run(scenario(ice=_ice(turn, "udp"), topology="p2p", join_deadline=8.0), within=60.0)
    assert mean(result, "connection_success_ratio") == 1.0
    (error,) = result.errors
    assert (error.phase, error.who, error.count) == ("ice_gathering", "ICE servers", 2)
    assert "refused the credentials of user 'probe' (401 Unauthorized)" in error.message


async def test_a_quota_that_is_used_up_and_ports_that_are_gone() -> None:
    async with coturn("--user-quota=1") as turn:
        first = Ends(relaying(turn, "udp"), PeerConfig())
        await first.connect()
        assert "the quota is used up (486 Allocation Quota Reached)" in await _refused(relaying(turn, "udp"))
        await first.close()
    async with coturn("--min-port=52000", "--max-port=52000") as turn:
        first = Ends(relaying(turn, "udp"), PeerConfig())
        await first.connect()
        assert "has no relay port left (508 " in await _refused(relaying(turn, "udp"))
        await first.close()


async def test_a_relay_that_lets_nobody_through_is_told_when_ice_failed() -> None:
    async with coturn(loopback_peers=False) as turn:
        ends = Ends(relaying(turn, "udp", connect_deadline=1.0), PeerConfig(connect_deadline=1.0))
        with pytest.raises(ConnectionFailed, match=r"does not relay to 127\.0\.0\.1 \(403 Forbidden IP\)") as failure:
            await ends.connect()
        assert failure.value.phase == "ice_connected"
        await ends.close()


async def test_a_relay_that_goes_away_is_told() -> None:
    async with coturn() as turn:
        ends = Ends(relaying(turn, "tcp"), PeerConfig())
        await ends.connect()
        lost = asyncio.get_running_loop().create_future()
        ends.a.on_closed = lost.set_result
        await turn.process.kill()
        async with asyncio.timeout(5.0):
            assert await lost == "the relay closed the connection"
        await ends.close()


def _ice(turn: Coturn, *ways: str, **more: Any) -> dict[str, Any]:
    server = {"urls": [turn.url(way) for way in ways], "username": USER, "credential_env": VARIABLE}
    return {"servers": [server], **more}


@pytest.mark.parametrize("depth", ["headers", "pictures"])
async def test_a_meeting_moves_between_relays_and_is_measured(monkeypatch: pytest.MonkeyPatch, depth: str) -> None:
    monkeypatch.setenv(VARIABLE, PASSWORD)
    async with coturn() as turn:
        ice = _ice(turn, "udp", policy="relay")
        result = await run(
            scenario(ice=ice, visitors=1, settle=1.5, visit=1.5, observe=depth, join_deadline=8.0), within=60.0
        )
    assert not result.errors
    assert mean(result, "connection_success_ratio") == mean(result, "migration_success_ratio") == 1.0
    pairs = result.summary["connect_duration_seconds"]["by"].keys()
    assert {key for key in pairs if key.startswith("pair=")} == {"pair=relay-udp/relay", "pair=relay-udp/host"}
    assert count(result, "connect_duration_seconds") == count(result, "connection_success_ratio")
    assert count(result, "one_way_delay_seconds", "topology=p2p") > 20
    assert count(result, "one_way_delay_seconds", "topology=sfu") > 20
    assert mean(result, "bandwidth_saving_ratio") < 0.01  # what goes through a relay saves nothing


async def test_loss_on_the_way_through_the_relay_is_read_exactly(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(VARIABLE, PASSWORD)
    async with coturn() as turn, lossy_way(turn.port) as way:
        server = {"urls": [f"turn:127.0.0.1:{way.port}"], "username": USER, "credential_env": VARIABLE}
        ice = {"servers": [server], "policy": "relay"}
        made = scenario(ice=ice, topology="p2p", settle=3.0, observe="headers", join_deadline=8.0)
        result = await run(made, RunOptions(spool=tmp_path), within=60.0)
    assert not result.errors
    lines = [json.loads(line) for line in (tmp_path / "samples.jsonl").read_text().splitlines()]
    found = [one for one in lines if one["m"] == "packet_loss_ratio" and one["tags"]["kind"] == "audio"]
    read = sorted(round(one["detail"]["packets"] * one["v"] / (1 - one["v"])) for one in found)
    truth = sorted(way.dropped.values())
    assert len(read) == len(truth) == 2
    assert min(truth) > 5
    # One that was lost after the last that came leaves no gap: nobody can see it.
    assert all(real - seen in (0, 1) for seen, real in zip(read, truth, strict=True))


async def test_the_platform_s_servers_are_used_unless_they_are_not_wanted() -> None:
    async with coturn() as turn:
        named = IceServerEntry((turn.url("udp"),), USER, PASSWORD)
        shim = ShimServer(ShimConfig(port=0, policy=Policy(p2p_limit=2, ice_servers=(named,))))
        platform = Platform(url=await shim.start())
        try:
            used = await run(scenario(ice={"policy": "relay"}, settle=0.5), RunOptions(platform), within=60.0)
            unused = await run(
                scenario(ice={"policy": "relay", "platform_servers": False}, settle=0.5),
                RunOptions(platform),
                within=60.0,
            )
        finally:
            await shim.stop()
    assert not used.errors
    assert "pair=relay-udp/relay" in used.summary["connect_duration_seconds"]["by"]
    (error,) = unused.errors
    assert "gathered no candidate: a relayed candidate was wanted" in error.message
    assert "nor the platform names a TURN server" in error.message


async def test_the_command_line_runs_leg_by_leg(tmp_path: Path) -> None:
    """The leg through the relay has a verdict of its own that can be trusted, and its report a folder."""
    async with coturn() as turn:
        video = {"width": 160, "height": 90, "fps": 10, "bitrate_bps": 60_000, "seconds": 2}
        ice = _ice(turn, "udp", "tcp")
        calls = {"name": "calls", "topology": "p2p", "settle": 2.0, "after": 0.0, "ice": ice, "media": {"video": video}}
        (tmp_path / "calls.yaml").write_text(json.dumps(calls))
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", "from probe.cli import main; main()", "run", "--scenario", str(tmp_path / "calls.yaml"),
            "--leg", "udp-blocked", "--leg", "relay-only", "--json", "--quiet", "--out", str(tmp_path / "out"),
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, VARIABLE: PASSWORD, "MEETPROBE_HISTORY": "none"},
        )  # fmt: skip
        said, _ = await process.communicate()
    documents = [json.loads(line) for line in said.splitlines()]
    assert [document["run"]["scenario"] for document in documents] == ["calls relay-only", "calls udp-blocked"]
    for document, pair in zip(documents, ("relay-udp/relay", "relay-tcp/relay"), strict=True):
        assert document["errors"] == []
        assert document["verdict"]["fail"] == 0
        assert f"pair={pair}" in document["metrics"]["connect_duration_seconds"]["by"]
        folder = tmp_path / "out" / document["run"]["scenario"].removeprefix("calls ")
        assert json.loads((folder / "report.json").read_text())["run"]["id"] == document["run"]["id"]
    reasons = [reason for document in documents for reason in document["health"]["reasons"]]
    if reasons:
        pytest.skip(f"the generator was not well: {reasons}")
    assert process.returncode == 0
    assert all(document["verdict"]["measured"] and document["health"]["trustworthy"] for document in documents)
