"""What a campaign was asked for, checked as a whole before anything starts.

The scenario says what everybody sends and sees, the deadlines and what is judged; the options say who comes and goes: how
many meetings, how large, how long. Options arrive as text, from the command line as from the web form, and are read here
alone, so that a mistake is told in the same words wherever it was made. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args
from urllib.parse import urlsplit

from pydantic import Field

from probe.model.errors import ConfigError
from probe.model.platform import Platform
from probe.model.scenario import Observe, Scenario, Topology
from probe.model.scenario_files import load_scenario
from probe.model.units import share
from probe.model.url import endpoint_of, without_secrets
from probe.model.validation import Strict, nearest, validate
from sfu_shim.core.link.profiles import network_profile

Shape = Literal["constant", "ramp", "steps", "spike", "soak", "find-limit"]
UsersKind = Literal["participant", "meeting", "both"]

SHAPES: tuple[str, ...] = get_args(Shape)
USERS_KINDS: tuple[str, ...] = get_args(UsersKind)
DEPTHS = ("headers", "frames", "pictures")
TOPOLOGIES: tuple[str, ...] = get_args(Topology)

_DURATION = re.compile(r"^(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m(?:in)?)?(?:(\d+(?:\.\d+)?)s?)?$")
_DAY = 86_400.0


class Settings(Strict):
    """One campaign. Times in seconds, rates per second; `mix` is topology → weight, of any sum.

    `meetings` 0: as many as the users fill. `spike_users` 0: as many again as were asked for. `horizon` "": the profile's
    default. `campaign`, `workers` (Locust's index of each worker that was there at the start), `rate` (users spawned a
    second) and `units` (of which readings it is kept who took them: `reports.units.UnitWant`) are the master's to say.
    """

    url: str
    token: str = Field(default="", repr=False)
    signalling: str = ""
    ca: Path | None = None
    insecure: bool = False
    scenario: Scenario
    participants: int = 2
    meetings: int = 0
    mix: dict[Topology, Annotated[float, Field(gt=0)]]
    stay: float = 30.0
    pause: float = 1.0
    retries: int = 0
    users_kind: UsersKind = "participant"
    targets: str
    horizon: str = ""
    strict: bool = False
    out: Path | None = None
    history: str = ""
    shape: Shape = "constant"
    step_users: int = 10
    step_time: float = 30.0
    spike_users: int = 0
    allow_targets: tuple[str, ...] = ()
    max_participants: int = 1000
    max_rate: float = 100.0
    max_duration: float = 14_400.0
    metrics_port: int = 9646
    metrics_address: str = "127.0.0.1"
    campaign: str = ""
    workers: tuple[int, ...] = ()
    rate: float = 1.0
    units: tuple[tuple[str, str, float, float | None], ...] = ()

    @property
    def target(self) -> str:
        """The URL as it may be shown."""
        return without_secrets(self.url)

    @property
    def platform(self) -> Platform:
        """Where its meetings are held."""
        return Platform(url=self.url, token=self.token, signalling=self.signalling, ca=self.ca, insecure=self.insecure)


def settings_of(options: object, host: str | None, token: str = "") -> Settings:
    """The settings that Locust's parsed `options` (one attribute each) and its `host` come to. Raises ConfigError naming the
    option and what is allowed. `token` lets workers into the server's rooms; a master has no need of it."""
    read = _Reader(vars(options))
    participants = read.whole("participants", 2, 500)
    scenario = _scenario(read, participants)
    targets = read.text("targets") or scenario.targets
    return Settings(
        url=_url(host, read.text("signalling")),
        token=token,
        signalling=read.text("signalling"),
        ca=Path(read.text("ca")) if read.text("ca") else None,
        insecure=bool(read.raw("insecure")),
        scenario=scenario,
        participants=participants,
        meetings=read.whole("meetings", 0, 100_000),
        mix=_mix(read.text("topology")),
        stay=read.duration("stay", 1.0, _DAY),
        pause=read.duration("pause", 0.0, _DAY),
        retries=read.whole("join_retries", 0, 10),
        users_kind=read.choice("user", USERS_KINDS),
        targets=targets,
        horizon=read.text("horizon") or (scenario.horizon if targets == scenario.targets else ""),
        strict=bool(read.raw("strict")),
        out=Path(read.text("out")) if read.text("out") else None,
        history=_history(read.text("history")),
        shape=read.choice("shape", SHAPES),
        step_users=read.whole("step_users", 1, 100_000),
        step_time=read.duration("step_time", 5.0, _DAY),
        spike_users=read.whole("spike_users", 0, 100_000),
        allow_targets=read.several("allow_target"),
        max_participants=read.whole("max_participants", 1, 1_000_000),
        max_rate=read.rate("max_rate"),
        max_duration=read.duration("max_duration", 1.0, 365 * _DAY),
        metrics_port=read.whole("metrics_port", 0, 65_535),
        metrics_address=read.text("metrics_address") or "127.0.0.1",
        campaign=str(read.raw("meetprobe_campaign") or ""),
        workers=tuple(read.raw("meetprobe_workers") or ()),
        rate=float(read.raw("meetprobe_rate") or 1.0),
        units=tuple(tuple(want) for want in read.raw("meetprobe_units") or ()),
    )


def _history(told: str) -> str:
    if told:
        from reports.store.location import history_url  # SQLAlchemy brings asyncio: only for who asks for a database

        history_url(told, {})
    return told


class _Reader:
    """The options by name; each reading says in its error what would have been right."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._options = options

    def raw(self, name: str) -> Any:
        return self._options.get(name)

    def text(self, name: str) -> str:
        value = self._options.get(name)
        return "" if value is None else str(value).strip()

    def whole(self, name: str, least: int, most: int) -> int:
        text = self.text(name)
        if not (text.isascii() and text.isdigit() and least <= int(text) <= most):
            raise _wrong(name, f"{text!r} can't be", f"a whole number from {least} to {most}")
        return int(text)

    def duration(self, name: str, least: float, most: float) -> float:
        seconds = parse_duration(self.text(name))
        if seconds is None or not least <= seconds <= most:
            allowed = f"{least:g}s to {most:g}s, written like 30s, 5m or 1h30m; a bare number is seconds"
            raise _wrong(name, f"{self.text(name)!r} can't be", allowed)
        return seconds

    def rate(self, name: str) -> float:
        try:
            value = float(self.text(name).removesuffix("/s"))
        except ValueError:
            value = 0.0
        if not 0 < value <= 10_000:
            raise _wrong(name, f"{self.text(name)!r} can't be", "above 0 and up to 10000 a second, like 100 or 100/s")
        return value

    def choice(self, name: str, choices: tuple[str, ...]) -> Any:
        text = self.text(name)
        if text not in choices:
            raise _wrong(name, f"unknown {text!r}{nearest(text, choices)}", " | ".join(choices))
        return text

    def several(self, name: str) -> tuple[str, ...]:
        """A list, or text with commas, or a list of such."""
        value = self._options.get(name) or ()
        told = [value] if isinstance(value, str) else list(value)
        return tuple(part.strip() for one in told for part in str(one).split(",") if part.strip())


def parse_duration(text: str) -> float | None:
    """Seconds of "90", "30s", "5m", "1h30m", "0.5s"; None for what is none of these."""
    match = _DURATION.match(text.replace(" ", ""))
    if match is None or not any(match.groups()):
        return None
    hours, minutes, seconds = (float(part or 0) for part in match.groups())
    return 3600 * hours + 60 * minutes + seconds


def _url(host: str | None, signalling: str) -> str:
    """Who speaks to it the engines know; what nobody speaks to is found before they start."""
    url = (host or "").strip().rstrip("/")
    hint = "give the target's signalling URL, like ws://127.0.0.1:8787"
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - the property raises on a bad port
    except ValueError as error:
        raise ConfigError(f"bad URL: {error}", who="--host", hint=hint) from error
    plain = parts.scheme in ("http", "https") and endpoint_of(parts.path) is None
    if not parts.scheme or not parts.hostname or (plain and not signalling):
        told = f"can't enter a meeting at {without_secrets(url)!r}" if url else "no target"
        raise ConfigError(told, who="--host", hint=hint)
    return url


def _mix(text: str) -> dict[Topology, float]:
    """ "p2p=50,sfu=30,hybrid=20", or one name."""
    mix: dict[Any, float] = {}
    for part in text.split(","):
        name, given, weight = (piece.strip() for piece in part.partition("="))
        if name not in TOPOLOGIES:
            raise _wrong("topology", f"unknown topology {name!r}{nearest(name, TOPOLOGIES)}", _MIX)
        if name in mix:
            raise _wrong("topology", f"{name} is given twice", _MIX)
        mix[name] = _weight(weight) if given else 1.0
    if len(mix) > 1 and "=" not in text:
        raise _wrong("topology", f"{text!r} doesn't say how much of each", _MIX)
    return mix


_MIX = f"one of {', '.join(TOPOLOGIES)}, or a mix like p2p=50,sfu=30,hybrid=20"


def _weight(text: str) -> float:
    try:
        weight = float(text.removesuffix("%"))
    except ValueError:
        weight = 0.0
    if not 0 < weight <= 1e6:
        raise _wrong("topology", f"{text!r} can't be a weight", "a number above 0")
    return weight


def _scenario(read: _Reader, participants: int) -> Scenario:
    """The scenario with what the options say instead; visitors come only where they move a meeting."""
    scenario = load_scenario(read.text("scenario"))
    if scenario.watch:
        raise _wrong("scenario", f"{scenario.name!r} watches a stream", "one that holds meetings")
    if scenario.browsers or scenario.legs:  # better told than left out in silence
        what = "has browsers" if scenario.browsers else "is run on several legs"
        raise _wrong("scenario", f"{scenario.name!r} {what}, which only probe run does", "one without")
    visitors = scenario.visitors if participants <= scenario.p2p_limit < participants + scenario.visitors else 0
    changed: dict[str, Any] = {"participants": participants, "visitors": visitors}
    if network := read.text("network"):
        network_profile(network, where="--network")
        changed |= {"network": network, "networks": ()}
    if observe := read.text("observe"):
        changed["observe"] = _observe(observe, scenario.observe)
    return scenario.model_copy(update=changed)


def _observe(text: str, base: Observe) -> Observe:
    """A depth, or the share of the participants whose pictures are rated beside headers."""
    if text in DEPTHS:
        return Observe(depth=text, authenticate=base.authenticate)  # type: ignore[arg-type]
    try:
        pictures = share(text)
        pictures = float(pictures) if isinstance(pictures, str | int | float) else -1.0
    except ValueError:
        pictures = -1.0
    if not 0 <= pictures <= 1:
        allowed = f"one of {', '.join(DEPTHS)}, or the share of participants whose pictures are rated, like 2%"
        raise _wrong("observe", f"unknown depth {text!r}", allowed)
    data = base.model_dump() | {"depth": "headers", "pictures": pictures}
    return validate(Observe, data, source="--observe")


def _wrong(name: str, what: str, allowed: str) -> ConfigError:
    return ConfigError(what, who=f"--{name.replace('_', '-')}", hint=f"allowed: {allowed}")
