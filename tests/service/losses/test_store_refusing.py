"""A store that answers and takes no writes: told at start, named by `/readyz`, 503 for requests."""

from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest
from redis import Redis
from support.api_client import NIGHT, Api
from support.service.running import StartService, launch
from support.store.servers import documented_rights

from holdfast_lua import EmbeddedStore

USER = "holdfast:pw"
TOLD = "the store takes no writes"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EmbeddedStore]:
    """A store of the test's own, which the service is given by its URL."""
    with EmbeddedStore(tmp_path / "elsewhere") as running:
        yield running


@pytest.fixture
def admin(store: EmbeddedStore) -> Iterator[Redis]:
    """Who runs the store; the service has a user with the documented rights."""
    client = Redis(unix_socket_path=store.url.removeprefix("unix://"))
    rights = documented_rights()
    client.execute_command("ACL", "SETUSER", "holdfast", "on", ">pw", *rights)  # type: ignore[no-untyped-call]
    yield client
    client.close()


@pytest.fixture
def url(store: EmbeddedStore, admin: Redis) -> str:
    return f"unix://{USER}@{store.url.removeprefix('unix://')}"


async def test_refusing_store_is_named_and_requests_are_503(
    start_service: StartService, http: aiohttp.ClientSession, admin: Redis, url: str
) -> None:
    service = start_service(HOLDFAST_STORE_URL=url)
    assert TOLD not in service.text
    operator = Api(http, service.url, service.operator_key)
    assert (await operator.put("/v1/sales/night", NIGHT)).status == 201
    assert (await operator.get("/readyz")).status == 200
    admin.config_set("maxmemory", 1)
    ready = await operator.get("/readyz")
    assert (ready.status, ready.body["checks"]["store"]) == (503, "out_of_memory")
    joined = await operator.as_(None).post("/v1/sales/night/tickets")
    assert (joined.status, joined.code) == (503, "store_unavailable")
    assert joined.headers["Retry-After"]
    assert (await operator.as_(None).get("/v1/sales/night/status")).status == 200
    admin.config_set("maxmemory", 0)
    assert (await operator.get("/readyz")).status == 200
    assert (await operator.as_(None).post("/v1/sales/night/tickets")).status == 201


def test_store_that_takes_no_writes_is_told_at_start(
    start_service: StartService, admin: Redis, url: str
) -> None:
    """It may take them again in a minute: the service waits for that as it does in the middle."""
    admin.config_set("min-replicas-to-write", 1)
    service = start_service(HOLDFAST_STORE_URL=url)
    assert f"{TOLD} (probe_store: NOREPLICAS" in service.text


def test_user_without_the_rights_is_refused_at_start(
    tmp_path: Path, admin: Redis, url: str
) -> None:
    admin.execute_command("ACL", "SETUSER", "holdfast", "-zadd")  # type: ignore[no-untyped-call]
    service = launch(tmp_path / "data", HOLDFAST_STORE_URL=url)
    assert service.process.wait(20) == 1
    assert "its user may not run ZADD on keys hf:*" in service.text
    assert "Traceback" not in service.text
    assert "pw" not in service.text
