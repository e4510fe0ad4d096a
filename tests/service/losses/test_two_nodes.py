"""Two services on one store and one PostgreSQL ledger: a deployment of two machines."""

from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest
from support.api_client import NIGHT, Api, eventually
from support.ports import free_port
from support.service.running import StartService

from holdfast_lua import EmbeddedStore

KEY = "k" * 40
UNIT = {"areas": [{"id": "floor", "quantity": 1}]}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EmbeddedStore]:
    """A store of their own: a new ledger is refused beside one that has sales."""
    with EmbeddedStore(tmp_path / "store") as running:
        yield running


@pytest.fixture
def shared(store: EmbeddedStore, postgres_url: str) -> dict[str, str]:
    """The settings that all nodes of a deployment have in common."""
    return {
        "HOLDFAST_STORE_URL": store.url,
        "HOLDFAST_LEDGER_URL": postgres_url,
        "HOLDFAST_PUBLIC_URL": "http://tickets.example",
        "HOLDFAST_SECRET": "s" * 40,
        "HOLDFAST_OPERATOR_KEY": KEY,
    }


@pytest.fixture
def nodes(start_service: StartService, tmp_path: Path, shared: dict[str, str]) -> tuple[str, str]:
    """The addresses of two services behind one public URL."""
    ports = free_port(), free_port()
    for port in ports:
        start_service("--port", str(port), data_dir=tmp_path / str(port), **shared)
    return f"http://127.0.0.1:{ports[0]}", f"http://127.0.0.1:{ports[1]}"


async def test_what_one_node_sells_the_other_knows(
    nodes: tuple[str, str], http: aiohttp.ClientSession, name: str
) -> None:
    """Given a sale made on one node, a ticket, a pass and a hold of it are good on the other."""
    first, second = (Api(http, node, KEY) for node in nodes)
    made = await first.put(f"/v1/sales/{name}", {**NIGHT, "new_users_per_minute": 6000})
    assert made.status == 201, made
    ticket = await second.as_(None).join(name)
    buyer = first.as_(await first.as_(None).claim(name, ticket))
    hold = await second.as_(buyer.token).hold(name, UNIT)
    assert hold.status == 201, hold
    assert (await first.confirm(name, hold.body)).status == 200
    order = await second.get(f"/v1/sales/{name}/orders/{hold.body['id']}")
    assert order.body["status"] == "confirmed"
    assert (await first.patch(f"/v1/sales/{name}", {"message": "hello"})).status == 200
    await eventually(second, f"/v1/sales/{name}/status", "message", "hello")


async def test_nodes_of_one_role_each_sell_together(
    start_service: StartService,
    http: aiohttp.ClientSession,
    name: str,
    tmp_path: Path,
    shared: dict[str, str],
) -> None:
    """Given a node for each role, a visitor of the first buys, by way of the others; when a node of
    the crowd's is gone, what was held is still paid and confirmed."""
    started = {
        role: start_service("--roles", role, data_dir=tmp_path / role, **shared)
        for role in ("room", "sales-floor", "shop", "operator")
    }
    room, floor, shop, operator = (
        Api(http, f"http://{node.listeners[role.replace('-', '_')]}", KEY)
        for role, node in started.items()
    )
    made = await operator.put(f"/v1/sales/{name}", {**NIGHT, "new_users_per_minute": 6000})
    assert made.status == 201, made
    visitor = room.as_(None)
    pass_ = await visitor.claim(name, await visitor.join(name))
    held = await floor.as_(pass_).hold(name, UNIT)
    assert held.status == 201, held
    for role in ("room", "sales-floor"):
        started[role].kill()
    path = f"/v1/sales/{name}/holds/{held.body['id']}/paying"
    assert (await shop.post(path)).status == 200
    assert (await shop.confirm(name, held.body)).status == 200
    order = await shop.get(f"/v1/sales/{name}/orders/{held.body['id']}")
    assert order.body["status"] == "confirmed"
