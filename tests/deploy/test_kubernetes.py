"""The example for Locust's Kubernetes operator: known keys, and options that Locust takes."""

from __future__ import annotations

import shlex
from typing import Any

import yaml

from sfu_shim.config import ShimConfig
from tests.deploy.commands import locust_options, shim_options
from tests.deploy.exposed import ROOT

FOLDER = ROOT / "deploy" / "kubernetes"
TEST: dict[str, Any] = yaml.safe_load((FOLDER / "locusttest.yaml").read_text(encoding="utf-8"))
SHIM: list[dict[str, Any]] = list(yaml.safe_load_all((FOLDER / "sfu-shim.yaml").read_text(encoding="utf-8")))


def test_the_operator_knows_every_key() -> None:
    assert (TEST["apiVersion"], TEST["kind"]) == ("locust.io/v1", "LocustTest")
    known = {"image", "imagePullPolicy", "imagePullSecrets", "workers", "args", "env", "labels", "annotations"}
    assert set(TEST["spec"]) <= known | {"master", "worker", "locustfile"}
    for role in ("master", "worker"):
        assert set(TEST["spec"][role]) <= {"labels", "annotations", "resources"}
    assert all(set(variable) == {"name", "value"} for variable in TEST["spec"]["env"])


def test_master_and_worker_take_the_same_options() -> None:
    arguments = shlex.split(TEST["spec"]["args"])
    master, worker = locust_options(["--master", *arguments], ["--worker", "--master-host", "m", *arguments])
    for options in (master, worker):
        assert options["host"] == f"ws://{SHIM[1]['metadata']['name']}:{ShimConfig().port}"
        assert options["allow_target"] == ["sfu-shim"]
    port = TEST["spec"]["master"]["annotations"]["prometheus.io/port"]
    assert str(master["metrics_port"]) == port


def test_a_worker_is_never_throttled_below_what_it_asks_for() -> None:
    resources = TEST["spec"]["worker"]["resources"]
    assert resources["requests"] == resources["limits"]


def test_the_shim_takes_its_options_and_is_reached_where_it_listens() -> None:
    deployment, service = SHIM
    [container] = deployment["spec"]["template"]["spec"]["containers"]
    program, *arguments = container["args"]
    assert program == "sfu-shim"
    assert shim_options(arguments)["media_address"] == ["$(POD_IP)"]
    assert container["ports"][0]["containerPort"] == service["spec"]["ports"][0]["port"] == ShimConfig().port
    assert deployment["spec"]["selector"]["matchLabels"] == service["spec"]["selector"]
    assert container["readinessProbe"]["httpGet"]["path"] == "/healthz"
