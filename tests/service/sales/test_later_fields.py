"""A sale whose spec a later version has written, in a service that does not know all of it."""

import json
import sqlite3
from contextlib import closing
from typing import Any

import aiohttp
from support.api_client import ALL_PRICES, Api, create, seating_plan
from support.service.running import Service, StartService


def stored_spec(service: Service, **more: object) -> dict[str, Any]:
    """The spec as the ledger has it, after these fields were added to it."""
    with closing(sqlite3.connect(service.data_dir / "ledger.sqlite3", timeout=10)) as ledger:
        [[text]] = ledger.execute("SELECT spec FROM sales")
        spec: dict[str, Any] = {**json.loads(text), **more}
        if more:
            ledger.execute("UPDATE sales SET spec = ?", [json.dumps(spec)])
            ledger.commit()
    return spec


async def test_operator_changes_a_sale_without_losing_what_only_a_later_version_knows(
    start_service: StartService, http: aiohttp.ClientSession, name: str
) -> None:
    service = start_service()
    operator = Api(http, service.url, service.operator_key)
    await create(operator, name, prices=ALL_PRICES, event_start_time="2030-01-01T10:00:00Z")
    stored_spec(service, later={"a": [1, 2]})
    assert (await operator.patch(f"/v1/sales/{name}", {"message": "hello"})).status == 200
    assert (await operator.put(f"/v1/sales/{name}/plan", seating_plan())).status == 200
    assert (await operator.post(f"/v1/sales/{name}/open")).status == 200
    kept = stored_spec(service)
    assert (kept["later"], kept["message"]) == ({"a": [1, 2]}, "hello")
    refused = await operator.patch(f"/v1/sales/{name}", {"later": {}})
    assert (refused.status, refused.code) == (400, "invalid_request")
