"""compose.yaml: by its specification, confined, without a password in it; and its parts for real.

No engine runs here. A strict reader of the specification reads the file, and every service that can
be had from a package runs in a container of its own, with what the file says: see
tests/support/deploy/compose.py.
"""

from __future__ import annotations

import asyncio
import re
import stat
import subprocess
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import aiohttp
import pytest
from support.api_client import Api
from support.deploy.compose import (
    MAKE_SECRETS,
    NETWORK,
    NOT_STARTED,
    Deployment,
    deployment,
    read_compose,
    services_of,
)
from support.deploy.dockerfile import ROOT, of_dockerfile
from support.deploy.selling import Clients, Patient, sell_one
from support.service.running import wait_until
from support.services import program

COMPOSE: Final = read_compose()
SERVICES: Final[dict[str, Any]] = COMPOSE["services"]


# -- the file ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SERVICES)
def test_service_is_confined(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory", "pids"}
    assert service["healthcheck"]["test"]
    user = service.get("user") or of_dockerfile(r"^USER (\d+:\d+)$")
    assert re.fullmatch(r"[1-9]\d*:\d+", user)
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))


@pytest.mark.parametrize("name", SERVICES)
def test_service_names_what_exists(name: str) -> None:
    service = SERVICES[name]
    assert set(service.get("secrets", ())) <= set(COMPOSE["secrets"])
    for line in service.get("volumes", ()):
        source = line.partition(":")[0]
        assert (ROOT / source).is_dir() if source.startswith(".") else source in COMPOSE["volumes"]
    for other, how in service.get("depends_on", {}).items():
        assert how["condition"] == "service_healthy"
        assert service["profiles"] == SERVICES[other]["profiles"]


def test_every_secret_and_volume_is_used() -> None:
    used = {name for service in SERVICES.values() for name in service.get("secrets", ())}
    assert used == set(COMPOSE["secrets"])
    lines = [line for service in SERVICES.values() for line in service.get("volumes", ())]
    assert set(COMPOSE["volumes"]) <= {line.partition(":")[0] for line in lines}


def test_profiles_are_demo_and_full() -> None:
    assert set(services_of("demo")) == {"demo"}
    assert set(services_of("full")) == set(SERVICES) - {"demo"}


def test_no_password_stands_in_the_file() -> None:
    """What is secret comes as a file; nothing has a default that everybody knows."""
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            secret = re.search(r"PASSWORD|SECRET|KEY|_URL", name)
            public = name == "HOLDFAST_PUBLIC_URL"
            assert not secret or public or value.startswith("/run/secrets/"), name


def test_stop_is_waited_for_as_long_as_the_image_says() -> None:
    grace = of_dockerfile(r"docker stop --time (\d+)") + "s"
    nodes = [one for one in SERVICES.values() if one["image"] == "holdfast"]
    assert {node["stop_grace_period"] for node in nodes} == {grace}


def test_network_is_the_one_that_nodes_trust() -> None:
    (config,) = COMPOSE["networks"]["holdfast"]["ipam"]["config"]
    assert config["subnet"] == f"{NETWORK}.0/24"
    for name in ("node-1", "node-2"):
        assert SERVICES[name]["environment"]["HOLDFAST_TRUSTED_PROXIES"] == config["subnet"]


# -- its secrets ---------------------------------------------------------------------------------


def test_secrets_are_made_once_and_each_is_another(secrets: Path) -> None:
    made = {path.name: path.read_text() for path in secrets.iterdir()}
    assert set(made) == set(COMPOSE["secrets"])
    assert len(set(made.values())) == len(made)
    for name in ("secret", "operator_key", "store_password", "ledger_password"):
        assert len(made[name].strip()) >= 43, "256 bits"
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o700
    subprocess.run(["sh", str(MAKE_SECRETS), str(secrets)], check=True)
    assert {path.name: path.read_text() for path in secrets.iterdir()} == made


def test_secrets_are_made_where_the_file_looks_and_git_does_not() -> None:
    files = [ROOT / one["file"] for one in COMPOSE["secrets"].values()]
    assert {file.parent for file in files} == {MAKE_SECRETS.parent / "secrets"}
    command = ["git", "check-ignore", *map(str, files)]
    ignored = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ignored.stdout.split() == list(map(str, files))


# -- its parts -----------------------------------------------------------------------------------


def check_that_all_but_grafana_runs(full: Deployment) -> None:
    missing = set(services_of("full")) - set(full.started)
    assert missing == {"grafana"}
    assert {SERVICES[name]["image"].partition(":")[0] for name in missing} == NOT_STARTED


async def check_who_reaches_what(clients: Clients) -> None:
    """Visitors reach neither the shop's part nor the operator's, whatever key they have."""
    asked = clients.visitor.as_(clients.operator.token)
    assert (await asked.get("/v1/sales")).code == "role_elsewhere"
    assert (await asked.get("/metrics")).status == HTTPStatus.NOT_FOUND


async def check_prometheus_sees_both_nodes(prometheus: Api) -> None:
    query = "/api/v1/query?query=" + quote('up{job="holdfast"}')
    async with asyncio.timeout(30):
        while True:
            found = (await prometheus.get(query)).body["data"]["result"]
            seen = {one["metric"]["instance"]: one["value"][1] for one in found}
            if seen == {"node-1:9464": "1", "node-2:9464": "1"}:
                return
            await asyncio.sleep(0.1)  # it scrapes at its own interval


async def check_prometheus_has_the_rules(prometheus: Api) -> None:
    """All that are in the repository."""
    groups = (await prometheus.get("/api/v1/rules")).body["data"]["groups"]
    names = {rule["name"] for group in groups for rule in group["rules"]}
    files = (ROOT / "metrics" / "rules").glob("*.yml")
    written = {
        name
        for file in files
        for name in re.findall(r"- (?:alert|record): (\S+)", file.read_text("utf-8"))
    }
    assert names == written


async def lose_the_primary(full: Deployment, clients: Clients) -> None:
    full.started["store-1"].kill()
    nodes = [full.started["node-1"], full.started["node-2"]]
    wait_until(lambda: not all(node.is_healthy() for node in nodes), 60)
    wait_until(lambda: all(node.is_healthy() for node in nodes), 60)
    await clients.sell("after-failover")


@pytest.mark.torture
async def test_full_profile_sells_through_nginx_and_after_a_failover(
    secrets: Path, http: aiohttp.ClientSession
) -> None:
    """One test: two deployments at once would have the same addresses."""
    for name in ("wget", "prometheus", "nginx", "initdb"):
        program(name, {"initdb": "postgresql"}.get(name, name))
    with deployment("full", secrets) as full:
        check_that_all_but_grafana_runs(full)
        key = full.secret("operator_key")
        clients = Clients(
            visitor=Patient(http, f"https://{full.address('nginx')}:8443"),
            operator=Patient(http, f"https://{full.address('nginx')}:8444", key),
            shop=Patient(http, f"https://{full.address('nginx')}:8444", key),
        )
        await clients.sell("through-nginx")
        await check_who_reaches_what(clients)
        await check_prometheus_sees_both_nodes(
            Api(http, f"http://{full.address('prometheus')}:9090")
        )
        await check_prometheus_has_the_rules(Api(http, f"http://{full.address('prometheus')}:9090"))
        await lose_the_primary(full, clients)
        for name in ("node-1", "node-2"):
            assert full.started[name].stop() == 0, full.started[name].log.read_text()


async def test_demo_profile_sells(secrets: Path, http: aiohttp.ClientSession) -> None:
    with deployment("demo", secrets, network="10.219.79") as demo:
        url = f"http://{demo.address('demo')}:8080"
        await sell_one(Api(http, url, demo.secret("operator_key")), "all-in-one")
        assert demo.started["demo"].stop() == 0, demo.started["demo"].log.read_text()
