"""`holdfast sale watch` on a running sale: lines, documents, and a panel on a terminal."""

import json
import os
import sys
from pathlib import Path

import pytest
from support.api_client import Api, create, eventually
from support.commands.running import document, done, run
from support.commands.terminal import CTRL_C, Terminal
from support.service.running import Service, wait_until


@pytest.fixture
async def sale(operator: Api, platform: Api, name: str) -> str:
    """A sale of which two places of 100 are held."""
    await create(operator, name)
    held = await platform.hold(name, {"areas": [{"id": "floor", "quantity": 2}], "buyer": "b"})
    assert held.status == 201, held
    await eventually(operator, f"/v1/sales/{name}", "counts", {"free": 98, "held": 2, "sold": 0})
    return name


def test_figures_of_now_are_one_line(shared_service: Service, sale: str) -> None:
    def shown() -> list[str]:
        return done(shared_service, "sale", "watch", sale, "--once").splitlines()[1].split()

    # Live figures are up to a second old. The last columns are what is free, held and sold.
    wait_until(lambda: shown()[5:8] == ["98", "2", "0"])
    assert shown()[1] == "open"


def test_documents_follow_each_other_until_the_sale_is_closed(
    shared_service: Service, sale: str
) -> None:
    done(shared_service, "sale", "close", sale, "--yes")
    told = run(shared_service, "sale", "watch", sale, "--json", "--every", "1")
    assert told.exit_code == 0
    documents = [json.loads(line) for line in told.stdout.splitlines()]
    assert documents[-1]["state"] == "closed"
    assert documents[-1]["stock"]["held"] == 2


def test_panel_is_shown_until_it_is_stopped(shared_service: Service, sale: str) -> None:
    environ = {"PATH": os.environ["PATH"], "HOLDFAST_DATA_DIR": str(shared_service.data_dir)}
    program = Path(sys.executable).with_name("holdfast")
    with Terminal([program, "sale", "watch", sale], environ) as screen:
        screen.wait_for("Holdfast - Night is open")
        screen.wait_for("of 100")
        screen.type(CTRL_C)
        assert screen.end() == 0


def test_sale_that_is_not_there_ends_the_watch(shared_service: Service) -> None:
    assert run(shared_service, "sale", "watch", "no-such-sale").exit_code == 5


def test_changes_are_in_the_audit(shared_service: Service, sale: str) -> None:
    done(shared_service, "sale", "set", sale, "burst=7")
    told = done(shared_service, "audit", sale)
    assert "sale.patch" in told
    assert "burst: 20 -> 7" in told
    entries = document(shared_service, "audit", sale, "--action", "sale.patch")
    assert [(entry["before"], entry["after"]) for entry in entries] == [
        ({"burst": 20}, {"burst": 7})
    ]
    assert document(shared_service, "audit", "--actor", "nobody") == []
