"""The units of deploy/systemd: what their own tool says of them, and two machines that run them.

systemd itself runs here, in namespaces of its own: sockets, credentials and every restriction are
those of production. See tests/support/deploy/machine.py.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import aiohttp
import pytest
from support.deploy.compose import deployment
from support.deploy.dockerfile import ROOT, of_dockerfile
from support.deploy.machine import UNITS, Machine, machine
from support.deploy.selling import Clients, Patient
from support.network.hosts import Host
from support.services import program

from holdfast.config import load_config

SERVICE: Final = UNITS / "holdfast.service"
SOCKETS: Final = sorted(UNITS.glob("*.socket"))
NETWORK: Final = "10.219.80"
MOST_EXPOSED: Final = 25
"""tenths; 100 is a service that may do everything"""


def values(unit: Path, name: str) -> list[str]:
    return re.findall(rf"^{name}=(.*)$", unit.read_text(), re.MULTILINE)


def test_exposure_is_low() -> None:
    analyze = program("systemd-analyze", "systemd")
    limit = f"--threshold={MOST_EXPOSED}"
    done = subprocess.run(
        [analyze, "security", "--offline=true", limit, str(SERVICE)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-300:]


def test_units_are_well_formed(tmp_path: Path) -> None:
    """Copies whose command exists: nothing is installed here."""
    analyze = program("systemd-analyze", "systemd")
    copies = [tmp_path / unit.name for unit in (SERVICE, *SOCKETS)]
    for copy in copies:
        text = (UNITS / copy.name).read_text()
        copy.write_text(re.sub(r"/opt/\S+/holdfast", "/bin/true", text))
    done = subprocess.run(
        [analyze, "verify", "--man=no", *map(str, copies)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_sockets_are_those_of_the_settings() -> None:
    config = load_config(UNITS / "holdfast.toml", {}).config
    wanted = {group.name: str(group.address) for group in config.groups()}
    made = {values(one, "FileDescriptorName")[0]: values(one, "ListenStream")[0] for one in SOCKETS}
    assert made == wanted
    names = " ".join(sorted((one.name for one in SOCKETS), key=len))
    for line in ("Requires", "Sockets"):
        assert sorted(values(SERVICE, line)[0].split(), key=len) == names.split()
    assert {values(one, "Service")[0] for one in SOCKETS} == {SERVICE.name}


def test_stop_is_waited_for_as_long_as_for_a_container() -> None:
    assert values(SERVICE, "TimeoutStopSec") == [of_dockerfile(r"docker stop --time (\d+)")]


# -- two machines ----------------------------------------------------------------------------------


def block(name: str) -> str:
    """The commands that docs/deployment.md gives for a step."""
    page = (ROOT / "docs" / "deployment.md").read_text()
    (found,) = re.findall(rf"<!-- node: {name} -->\n```sh\n(.*?)```", page, re.DOTALL)
    return str(found)


@dataclass
class TwoMachines:
    """Two nodes, set up as docs/deployment.md says, in place of those of compose.yaml."""

    secrets: Path
    credentials: Path | None = None
    """those of the first node, which the second one gets too"""

    @contextmanager
    def set_up(self, network: Host, names: Mapping[str, Host]) -> Iterator[Machine]:
        with machine(network, names) as node:
            credentials = node.root / "etc" / "holdfast" / "credentials"
            if self.credentials is None:
                node.run_script(block("credentials"))
                self.credentials = credentials
                for name in ("store_url", "ledger_url"):
                    shutil.copy(self.secrets / name, credentials / name)
            else:
                shutil.copytree(self.credentials, credentials)
            units = block("units").replace("10.0.0.11", network.address)
            units = units.replace("10.0.0.10", names["nginx"].address)
            node.run_script(
                units.replace("SITE=https://wait.example", "SITE=https://localhost:8443")
            )
            yield node

    @property
    def operator_key(self) -> str:
        assert self.credentials is not None
        return (self.credentials / "operator_key").read_text().strip()


def check_is_confined(node: Machine) -> None:
    """Of the process itself, and not of what the unit asks for."""
    pid = node.property_of("holdfast.service", "MainPID")
    status = node.run("cat", f"/proc/{pid}/status")
    for line in (r"NoNewPrivs:\t1", r"Seccomp:\t2", r"CapBnd:\t0+", r"CapEff:\t0+"):
        assert re.search(f"^{line}$", status, re.MULTILINE), status
    assert not re.search(r"^Uid:\t0", status, re.MULTILINE), status


@pytest.mark.torture
async def test_page_leads_to_two_machines_behind_nginx(
    secrets: Path, http: aiohttp.ClientSession
) -> None:
    """Its commands are run, with these machines' addresses in place of those of the page."""
    machines = TwoMachines(secrets)
    made = dict.fromkeys(("node-1", "node-2"), machines.set_up)
    with deployment("full", secrets, network=NETWORK, stand_ins=made) as full:
        nodes = [one for one in full.stand_ins.values() if isinstance(one, Machine)]
        assert len(nodes) == 2
        clients = Clients(
            visitor=Patient(http, f"https://{full.address('nginx')}:8443"),
            operator=Patient(http, f"http://{full.address('node-1')}:8082", machines.operator_key),
            shop=Patient(http, f"http://{full.address('node-2')}:8081", machines.operator_key),
        )
        for node in nodes:
            check_is_confined(node)
            assert "\n0 problems" in node.run_script(block("look"))
        printed = nodes[0].run_script(block("sale").replace("10.0.0.11", full.address("node-1")))
        assert clients.shop.as_(printed.split()[-1]) is not None
        await clients.sell("two-machines")
        for node in nodes:
            reload_and_restart(node)
        await clients.sell("after-restarts")
        for node in nodes:
            node.run("systemctl", "stop", "holdfast.service")
            assert node.property_of("holdfast.service", "Result") == "success", node.log
            assert node.property_of("holdfast.service", "ExecMainStatus") == "0", node.log


def reload_and_restart(node: Machine) -> None:
    """The process stays at a reload, and another one takes the same sockets at a restart."""
    show = partial(node.property_of, "holdfast.service")
    first = show("MainPID")
    node.run("systemctl", "reload", "holdfast.service")
    assert show("MainPID") == first
    node.run("systemctl", "restart", "holdfast.service")
    assert show("MainPID") != first
    node.await_healthy()
