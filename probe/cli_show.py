"""`probe scenarios` and `probe targets`: what there is, in full, and whether a file of the user's is right."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from probe.measure.intervals import attempts_needed
from probe.model.ice import Ice
from probe.model.plan import Plan, planned_counts
from probe.model.scenario import Scenario
from probe.model.scenario_files import load_scenario, scenario_names
from reports.alerts import condition
from reports.targets.files import check_choice, load_profile, profile_names
from reports.targets.profile import Alert, Kpi, Profile
from reports.targets.quantity import show_quantity
from reports.terminal_style import MARKS, SIGNS, STYLES, UNKNOWN, new_table, plain

_ATTEMPTS = {
    "join_success_ratio": "joins",
    "migration_success_ratio": "migrations",
    "p2p_connection_success_ratio": "p2p_connections",
    "connection_stability_ratio": "participant_meetings",
}
"""Which planned count is the attempts of a ratio."""


def list_scenarios() -> None:
    """Name, size and purpose of each shipped scenario."""
    table = new_table()
    for name in ("scenario", "takes"):
        table.add_column(name, no_wrap=True)
    table.add_column("what it does", ratio=1)
    for name in scenario_names():
        scenario = load_scenario(name)
        table.add_row(Text(name, style="bold"), _duration(planned_counts(scenario)), Text(scenario.description))
    Console().print(table)


def show_scenario(name: str) -> None:
    """Every setting, the plan, and per ratio target whether the plan can prove it. Raises ConfigError."""
    scenario = load_scenario(name)
    profile = load_profile(scenario.targets)
    check_choice(profile, scenario.horizon, scenario.judges)
    plan, console = planned_counts(scenario), Console()
    console.print(Text.assemble((scenario.name, "bold"), f"\n{plain(scenario.description)}\n"))
    console.print(_settings(scenario))
    counts = (
        f"{plan.joins} joins, {plan.migrations} migrations, {plan.p2p_connections} P2P connections, "
        f"{plan.peak_participants} participants at once, {_duration(plan)}"
    )
    console.print(Text.assemble("\n", ("comes to ", "dim"), counts), soft_wrap=True)
    decides = _decides(scenario, profile, plan)
    if decides.row_count:
        console.print(decides)


def _settings(scenario: Scenario) -> Table:
    table = new_table(header=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(ratio=1)
    for key, value in scenario.model_dump(mode="json", exclude={"name", "description", "media", "prices"}).items():
        table.add_row(key, Text(_ice(scenario.ice) if key == "ice" else _setting(key, value)))
    for kind, media in (("video", scenario.media.video), ("audio", scenario.media.audio)):
        fields = media.model_dump(mode="json", exclude_none=True) if media else {"": "off"}
        table.add_row(kind, Text(", ".join(f"{key} {value}".strip() for key, value in fields.items())))
    return table


def _setting(key: str, value: object) -> str:
    if key == "addresses" and not value:
        return "loopback for a server on loopback, else all of this machine's"
    if key == "judges" and value is None:
        return "all that the profile leaves to a single run"
    return _told(value)


def _told(value: object) -> str:
    """As a scenario's file has it, without its brackets."""
    match value:
        case dict():
            return ", ".join(f"{name} {_told(one)}" for name, one in value.items())
        case list():
            return "; ".join(map(_told, value)) if any(isinstance(one, dict) for one in value) else _listed(value)
        case bool():
            return "yes" if value else "no"
        case None:
            return "none"
    return str(value)


def _listed(values: list[object]) -> str:
    return ", ".join(map(_told, values)) or "none"


def _ice(ice: Ice) -> str:
    servers = ", ".join(url for server in ice.servers for url in server.urls) or "none"
    rest = ice.model_dump(mode="json", exclude={"servers"})
    return "; ".join((f"servers {servers}", *(f"{key} {_told(value)}" for key, value in rest.items())))


def _decides(scenario: Scenario, profile: Profile, plan: Plan) -> Table:
    """The ratio targets that the scenario judges: attempts planned against attempts that prove it."""
    table = new_table()
    for name in ("", "ratio target", "to prove it", "planned"):
        table.add_column(name)
    for kpi in profile.kpis:
        target = kpi.target(scenario.horizon)
        field = _ATTEMPTS.get(kpi.metric or "")
        judged = not kpi.unjudged if scenario.judges is None else kpi.id in scenario.judges
        if field is None or target is None or not judged:
            continue
        needed, planned = attempts_needed(0, 0, target), getattr(plan, field)
        status = "pass" if needed is not None and planned >= needed else "inconclusive"
        row = (f"{kpi.title} {_target(kpi, scenario.horizon)}", f"{needed} without a failure", str(planned))
        table.add_row(Text(MARKS[status], style=STYLES[status]), *row)
    return table


def list_targets() -> None:
    """Name, size and source of each shipped profile."""
    table = new_table()
    table.add_column("profile", no_wrap=True)
    table.add_column("rows", justify="right")
    table.add_column("horizons", no_wrap=True)
    table.add_column("of, and source", ratio=1)
    for name in profile_names():
        profile = load_profile(name)
        horizons = ", ".join(profile.horizons)
        title = Text.assemble(plain(profile.title), (f"\n{plain(profile.source)}" if profile.source else "", "dim"))
        table.add_row(Text(name, style="bold"), str(len(profile.kpis)), horizons, title)
    Console().print(table)


def show_targets(name: str) -> None:
    """Every row at every horizon, then alerts, milestones and external rows. Raises ConfigError."""
    profile, console = load_profile(name), Console()
    console.print(Text.assemble((plain(profile.title), "bold"), (f"\n{plain(profile.source)}\n", "dim")))
    console.print(_rows(profile))
    if profile.alerts:
        console.print(Text("\nAlerts", style="bold"))
        for alert in profile.alerts:
            console.print(_alert(alert), soft_wrap=True)
    for title, lines in (("Milestones", _milestones(profile)), ("Reports", _reports(profile))):
        if lines:
            console.print(Text(f"\n{title}", style="bold"))
            console.print(Text("\n".join(f"  {plain(line)}" for line in lines)))
    if profile.external:
        console.print(Text("\nFrom outside, by --external", style="bold"))
        console.print(_external(profile))


def _rows(profile: Profile) -> Table:
    table = new_table()
    table.add_column("KPI", ratio=1)
    for horizon in profile.horizons:
        table.add_column(horizon, justify="right", no_wrap=True)
    for kpi in profile.kpis:
        title = Text.assemble(plain(kpi.title), (f"\n{kpi.id} = {_measured(kpi)}", "dim"))
        if kpi.benchmark:
            title.append(f"\nbenchmark: {plain(kpi.benchmark)}", style="dim")
        if kpi.unjudged:
            how = "not measured by this probe" if kpi.not_measured else "not judged by a single run"
            title.append(f"\n{how}: {plain(kpi.unjudged)}", style="dim")
        table.add_row(title, *(_target(kpi, horizon) for horizon in profile.horizons))
    return table


def _measured(kpi: Kpi) -> str:
    if kpi.metric is None:
        return "nothing measured"
    slices = f", in {show_quantity(kpi.least_share, 'ratio')} of {kpi.over_seconds:g} s slices" if kpi.over else ""
    after = f", from {kpi.after_seconds:g} s on" if kpi.after else ""
    return f"{kpi.aggregate} of {kpi.metric}{after}{slices}{', or the run ends' if kpi.abort_on_fail else ''}"


def _target(kpi: Kpi, horizon: str) -> str:
    target = kpi.target(horizon)
    return UNKNOWN if target is None else f"{SIGNS[kpi.comparison]} {show_quantity(target, kpi.judged_unit)}"


def _alert(alert: Alert) -> Text:
    style = {"critical": "red", "warning": "yellow"}.get(alert.severity, "dim")
    text = Text.assemble((f"  {alert.severity:<12}", style), plain(alert.title))
    respond = f" (respond {plain(alert.respond)})" if alert.respond else ""
    return text.append(f": {plain(condition(alert) or alert.not_measured)}{respond}", style="dim")


def _milestones(profile: Profile) -> list[str]:
    return [f"{title}: {text}" for title, text in profile.milestones.items()]


def _reports(profile: Profile) -> list[str]:
    return [
        f"{one.title}, every {one.every}, for {one.audience}" + (f": {one.shows}" if one.shows else "")
        for one in profile.reports
    ]


def _external(profile: Profile) -> Table:
    table = new_table(header=False)
    table.add_column(no_wrap=True, style="dim")
    table.add_column(ratio=1)
    for row in profile.external:
        judged = [
            f"{row.comparison} {show_quantity(target, row.unit)} at {horizon}"
            for horizon in profile.horizons
            if (target := row.target(horizon)) is not None
        ]
        table.add_row(f"  {row.key}", Text(plain(", ".join([row.title, *judged]))))
    return table


def check_targets(file: str) -> None:
    """Say that the profile is right. Raises ConfigError with all that is wrong."""
    profile = load_profile(file)
    judged = sum(not kpi.unjudged for kpi in profile.kpis)
    facts = f"{len(profile.kpis)} rows, {judged} of them judged by a single run, {len(profile.alerts)} alerts"
    text = Text.assemble((f"{MARKS['pass']} ", STYLES["pass"]), f"{plain(profile.profile)}: {facts}")
    Console().print(text, soft_wrap=True)


def _duration(plan: Plan) -> str:
    return f"about {plan.seconds:.0f} s" if plan.seconds < 120 else f"about {plan.seconds / 60:.0f} min"
