"""An engine that measures nothing, and fails as its campaign's name says. It keeps a log of what it heard for the test."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from loadtest.harvest import Delta, Standing
from loadtest.protocol import (
    COMMANDS,
    PROTOCOL,
    Close,
    Closed,
    Harvest,
    Harvested,
    Join,
    Joined,
    Leave,
    Left,
    Meet,
    Met,
    Operation,
    Prepare,
    Ready,
)
from probe.engine.protocol import Failed, Message, decode, encode
from probe.model.errors import ConfigError

FOREVER = 600.0


class FakeEngine:
    """`mode` is the campaign's name up to the first dash."""

    def __init__(self) -> None:
        self.mode = ""
        self.harvests = 0
        self.said = 0
        self.held: list[Message] = []

    def say(self, message: Message) -> None:
        sys.stdout.buffer.write(encode(message, first=self.said == 0, protocol=PROTOCOL))
        sys.stdout.buffer.flush()
        self.said += 1

    def obey(self, command: Message) -> None:
        match command:
            case Prepare():
                self.prepare(command)
            case Join():
                self.join(command)
            case Leave():
                self.say(Operation(name="leave", seconds=0.001))
                self.say(Left(ticket=command.ticket))
            case Meet():
                self.say(Met(ticket=command.ticket))
            case Harvest():
                self.harvests += 1
                self.say(Harvested(delta=Delta(retries=1).to_dict(), total=Standing(present=self.harvests).to_dict()))
            case Close() if self.mode != "unclosing":
                self.say(Closed())

    def prepare(self, command: Prepare) -> None:
        self.mode = command.stamp.partition("-")[0]
        if self.mode == "refusing":
            self.say(Failed.of(ConfigError("no such thing", who="scenario")))
        elif self.mode == "babbling":
            sys.stdout.write("hello\n")
            sys.stdout.flush()
        elif self.mode == "stillborn":
            sys.exit("out of luck")
        elif self.mode != "deaf":
            self.say(Ready(pid=os.getpid()))

    def join(self, command: Join) -> None:
        if self.mode == "crashing" or (self.mode == "crashing_once" and command.attempt == 1):
            sys.exit("ZeroDivisionError: boom")
        if self.mode == "mute":
            return
        if self.mode == "reversing":  # answers in pairs, the last first
            self.held.append(Joined(ticket=command.ticket, error=f"for {command.ticket}"))
            if len(self.held) == 2:
                for answer in reversed(self.held):
                    self.say(answer)
            return
        error = "full" if self.mode == "full" else ""
        self.say(Operation(name="join", topology=command.topology, seconds=0.25, error=error, who=command.name))
        self.say(Joined(ticket=command.ticket, topology=command.topology, error=error))


def main() -> None:
    engine = FakeEngine()
    log = os.environ.get("FAKE_ENGINE_LOG")
    for number, line in enumerate(sys.stdin.buffer):
        if log:
            with Path(log).open("ab") as file:
                file.write(line)
        engine.obey(decode(line, COMMANDS, first=number == 0, protocol=PROTOCOL))
    if engine.mode == "clinging":
        time.sleep(FOREVER)


if __name__ == "__main__":
    main()
