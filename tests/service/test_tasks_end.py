"""An application that was closed leaves no background task behind."""

import asyncio
from pathlib import Path

from aiohttp.test_utils import TestClient, TestServer

from holdfast.config import Config
from holdfast.http.app import create_app
from holdfast_ledger import Ledger

OPERATOR_KEY = "operator-key-of-a-test"


async def test_closed_application_leaves_no_task(tmp_path: Path, store_url: str) -> None:
    """Given a sale that was created, opened, joined and read: each part has had its tasks."""
    ledger_url = f"sqlite:///{tmp_path / 'ledger.sqlite3'}"
    ledger = await Ledger.open(ledger_url)
    await ledger.migrate()
    await ledger.close()
    config = Config(
        data_dir=tmp_path,
        public_url="http://127.0.0.1:8080",
        store_url=store_url,
        ledger_url=ledger_url,
        secret="secret-" * 8,
        operator_key=OPERATOR_KEY,
        tick_ms=50,
    )
    operator = {"Authorization": f"Bearer {OPERATOR_KEY}"}
    body = {
        "name": "Night",
        "areas": [{"id": "floor", "name": "Floor", "capacity": 50, "category": "GA"}],
        "prices": {"GA": 1000},
    }
    before = asyncio.all_tasks()
    async with TestClient(TestServer(create_app(config))) as client:
        sale = f"/v1/sales/{tmp_path.name.replace('_', '-').lower()}"
        for method, path, document in (
            ("PUT", "", body),
            ("POST", "/open", None),
            ("POST", "/tickets", {}),
            ("GET", "/seats", None),
        ):
            answer = await client.request(method, sale + path, json=document, headers=operator)
            assert answer.status in {200, 201}, await answer.text()
        names = {task.get_name().partition(" of sale")[0] for task in asyncio.all_tasks() - before}
        assert {"ticking", "visiting sales", "flushing metrics"} <= names
    assert [task.get_name() for task in asyncio.all_tasks() - before] == []
