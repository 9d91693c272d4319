"""`sfu-shim`: the test SFU as a server of its own."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import logging
import signal
import sys
from typing import Annotated

import typer

from probe.model.errors import ConfigError
from probe.streams import let_readers_leave
from sfu_shim.config import ShimConfig, ice_servers
from sfu_shim.core.policy import Policy

READY_PROTOCOL = "meetprobe/shim/1"
"""Of the line that `--supervised` prints: {"protocol", "type": "ready", "url"}."""

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command(help="A test SFU for meetings that move between P2P and SFU. Protocol: docs/signalling.md.")
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on, 0 for a free one.")] = 8787,
    token: Annotated[
        str, typer.Option(envvar="SFU_SHIM_TOKEN", help="What clients must know; required beyond loopback.")
    ] = "",
    p2p_limit: Annotated[int, typer.Option(help="Participants up to which a room is a P2P mesh; 0: always SFU.")] = 2,
    migration_deadline: Annotated[float, typer.Option(help="Seconds for a room to move, else it rolls back.")] = 10.0,
    backoff: Annotated[float, typer.Option(help="Seconds before a failed move is tried again.")] = 30.0,
    join_deadline: Annotated[float, typer.Option(help="Seconds for the join after the WebSocket is up.")] = 5.0,
    media_address: Annotated[
        list[str] | None, typer.Option(help="Where the SFU's ICE gathers (repeatable); default: --host.")
    ] = None,
    video_bitrate: Annotated[float, typer.Option(help="Bits per second that publishers may send, told by REMB.")] = 5e6,
    ice_server: Annotated[
        list[str] | None,
        typer.Option(metavar="URL", help="A stun:, turn: or turns: server that clients are told of (repeatable)."),
    ] = None,
    ice_username: Annotated[str, typer.Option(help="The user name for all TURN servers.")] = "",
    ice_credential: Annotated[
        str, typer.Option(envvar="SFU_SHIM_ICE_CREDENTIAL", help="The password for it; better in the environment.")
    ] = "",
    verbose: Annotated[bool, typer.Option(help="Log what happens, to stderr.")] = False,
    supervised: Annotated[
        bool, typer.Option("--supervised", help="For programs: tell the URL as a line of JSON, and end with stdin.")
    ] = False,
) -> None:
    logging.basicConfig(level=logging.INFO if verbose else logging.WARNING, format="%(asctime)s %(name)s %(message)s")
    try:
        config = ShimConfig(
            host=host,
            port=port,
            token=token,
            policy=Policy(
                p2p_limit=p2p_limit,
                migration_deadline=migration_deadline,
                backoff=backoff,
                ice_servers=ice_servers(ice_server or [], ice_username, ice_credential),
            ),
            media_addresses=tuple(media_address or ()),
            join_deadline=join_deadline,
            video_bitrate=video_bitrate,
        )
        asyncio.run(_serve_supervised(config) if supervised else _serve(config))
    except ConfigError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(2) from error


async def _serve(config: ShimConfig) -> None:
    from sfu_shim.server import ShimServer  # aiohttp and aiortc: only when really serving, so that --help is fast

    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # not on Windows: Ctrl-C raises KeyboardInterrupt there
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
    server = ShimServer(config)
    print(f"sfu-shim listens on {await server.start()}", flush=True)
    try:
        await stop.wait()
    finally:
        await server.stop()


async def _serve_supervised(config: ShimConfig) -> None:
    """A child of another program: signals are its business, and its end is ours."""
    from probe.client.warm_up import warm_up  # else the first participant would wait for what is slow only once
    from probe.lifeline import Lifeline, Voice, leave_signals_to_the_parent
    from probe.rtc.clock import Clock
    from sfu_shim.server import ShimServer

    leave_signals_to_the_parent()
    stop, voice, server = asyncio.Event(), Voice(), ShimServer(config)
    Lifeline(stop.set)
    url = await server.start()
    try:
        await warm_up(Clock())
        gc.collect()
        gc.freeze()
        ready = {"protocol": READY_PROTOCOL, "type": "ready", "url": url}
        voice.say(json.dumps(ready).encode() + b"\n")
        await stop.wait()
    finally:
        await server.stop()
        voice.close()


def main() -> None:
    let_readers_leave()
    app()
