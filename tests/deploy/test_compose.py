"""The compose file: hardened, readable by docker-compose 1.29, and true to the programs that it starts."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from loadtest.arguments import GUARDS
from sfu_shim.config import ShimConfig
from tests.deploy.commands import locust_options, shim_options
from tests.deploy.exposed import ROOT

TEXT = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = ("shim", "master", "worker")
KEYS = {
    "build", "cap_add", "cap_drop", "command", "cpus", "depends_on", "entrypoint", "environment", "healthcheck", "image", "init",
    "logging", "mem_limit", "networks", "pids_limit", "ports", "profiles", "read_only", "security_opt", "stop_grace_period",
    "tmpfs", "ulimits", "volumes",
}  # fmt: skip
"""What docker-compose 1.29 and its successors both know."""

each_service = pytest.mark.parametrize("name", SERVICES)


def defaults(service: str) -> dict[str, str]:
    """The service's environment where nothing is set outside."""
    told = SERVICES[service]["environment"].items()
    return {name: re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", value) for name, value in told}


def test_profiles_and_sections() -> None:
    profiles = {name: service["profiles"] for name, service in SERVICES.items()}
    assert profiles == {
        "shim": ["shim"], "master": ["load"], "worker": ["load"], "coturn": ["turn"],
        "prometheus": ["monitoring"], "grafana": ["monitoring"],
    }  # fmt: skip
    assert {key for key in COMPOSE if not key.startswith("x-")} == {"services", "networks", "volumes"}


@each_service
def test_services_use_keys_that_both_generations_know(name: str) -> None:
    assert set(SERVICES[name]) <= KEYS


@each_service
def test_services_are_hardened_and_bounded(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["init"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "/tmp" in service["tmpfs"]
    assert service["mem_limit"]
    assert service["cpus"] > 0
    assert service["pids_limit"] > 0
    assert service.get("cap_add", []) == (["NET_BIND_SERVICE"] if name == "coturn" else [])


@each_service
def test_images_are_pinned(name: str) -> None:
    image = SERVICES[name]["image"]
    assert image == "meetprobe:local" if name in OURS else re.search(r":v?\d+\.\d+\.\d+(-r\d+)?$", image)


@each_service
def test_ports_are_published_on_loopback_only(name: str) -> None:
    assert all(port.startswith("127.0.0.1:") for port in SERVICES[name].get("ports", []))


@each_service
def test_every_service_has_a_health_check(name: str) -> None:
    service = SERVICES[name]
    if name in ("shim", "master"):
        assert service["environment"]["MEETPROBE_HEALTH_URL"].startswith("http://127.0.0.1:")
    else:
        assert service["healthcheck"]["test"][0] == "CMD"


@each_service
def test_secrets_come_from_outside_only(name: str) -> None:
    for variable, value in SERVICES[name].get("environment", {}).items():
        if re.search("TOKEN|PASSWORD|SECRET", variable) and not re.search("DISABLE", variable):
            assert re.fullmatch(r"\$\{\w+:-\}", value), variable


@each_service
def test_mounted_files_are_there_and_named_volumes_declared(name: str) -> None:
    for mount in SERVICES[name].get("volumes", []):
        source, _, flags = mount.partition(":")
        if source.startswith("."):
            assert (ROOT / source).is_dir(), mount
            assert flags.endswith(":ro"), mount
        else:
            assert source in COMPOSE["volumes"]


def test_those_that_are_waited_for_have_the_same_profile_and_a_health_check() -> None:
    for service in SERVICES.values():
        for other, how in service.get("depends_on", {}).items():
            assert SERVICES[other]["profiles"] == service["profiles"]
            assert how == {"condition": "service_healthy"}


def test_the_shim_takes_its_options() -> None:
    shell, flag, script = SERVICES["shim"]["command"]
    assert (shell, flag) == ("sh", "-c")
    arguments = script.replace('"$$(hostname -i)"', "172.20.0.2").removeprefix("exec sfu-shim ").split()
    options = shim_options(arguments)
    config = ShimConfig(
        host=options["host"], port=options["port"], token="t", media_addresses=tuple(options["media_address"])
    )
    assert config.addresses == ("172.20.0.2",)
    assert defaults("shim")["MEETPROBE_HEALTH_URL"] == f"http://127.0.0.1:{config.port}/healthz"
    assert SERVICES["shim"]["ports"] == [f"127.0.0.1:{config.port}:{config.port}"]


def test_locust_takes_the_options_and_the_environment() -> None:
    lines = [SERVICES[name]["command"][1:] for name in ("master", "worker")]
    master, worker = locust_options(*lines, environment=defaults("master"))
    assert (master["master"], worker["worker"], worker["master_host"]) == (True, True, "master")
    assert master["host"] == worker["host"] == "ws://shim:8787"
    assert master["allow_target"] == worker["allow_target"] == ["shim"]
    assert (master["metrics_address"], master["out"]) == ("0.0.0.0", "/out")
    assert f"127.0.0.1:{master['web_port']}:{master['web_port']}" in SERVICES["master"]["ports"]
    assert defaults("master")["MEETPROBE_HEALTH_URL"] == f"http://127.0.0.1:{master['web_port']}/"


def test_the_worker_s_health_is_its_connection_to_the_master_s_port() -> None:
    [worker] = locust_options(SERVICES["worker"]["command"][1:])
    assert f":{worker['master_port']:04X} 01 " in SERVICES["worker"]["healthcheck"]["test"]


def test_prometheus_scrapes_the_services_where_they_serve() -> None:
    config = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text(encoding="utf-8"))
    targets = {job["job_name"]: job["static_configs"][0]["targets"] for job in config["scrape_configs"]}
    port = next(option.default for option in GUARDS if option.name == "--metrics-port")
    assert targets == {"meetprobe": [f"master:{port}"], "sfu-shim": [f"shim:{ShimConfig().port}"]}
