"""A service before data that a later release has written in a way that it does not understand."""

import sqlite3
from contextlib import closing

import aiohttp
import pytest
from redis import Redis
from support.api_client import Api
from support.service.running import Service, StartService, launch

from holdfast_lua.calls import keys
from holdfast_lua.embedded.files import StoreFiles

LATER = 1_000


def write_later_ledger(service: Service) -> None:
    with closing(sqlite3.connect(service.data_dir / "ledger.sqlite3", timeout=10)) as ledger:
        ledger.execute("UPDATE data_version SET version = ?", [LATER])
        ledger.commit()


def write_later_store(service: Service) -> None:
    with Redis(unix_socket_path=str(StoreFiles(service.data_dir.resolve()).socket)) as store:
        store.set(keys.DATA_VERSION, LATER)


@pytest.mark.parametrize(
    ("part", "write"), [("ledger", write_later_ledger), ("store", write_later_store)]
)
async def test_service_is_not_ready_and_does_not_start_again(
    start_service: StartService, http: aiohttp.ClientSession, part: str, write: object
) -> None:
    service = start_service()
    api = Api(http, service.url)
    assert (await api.get("/readyz")).status == 200
    assert callable(write)
    write(service)
    ready = await api.get("/readyz")
    assert (ready.status, ready.body["checks"][part]) == (503, "incompatible")
    assert service.stop() == 0
    again = launch(service.data_dir)
    assert again.process.wait(30) == 1
    assert f"the {part} cannot be used (incompatible): its data has version {LATER}" in again.text
    assert "Traceback" not in again.text
