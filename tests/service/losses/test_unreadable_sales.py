"""What an old ledger may hold hides no other sale."""

import json
import sqlite3
from contextlib import closing

import aiohttp
from support.api_client import Api, create
from support.service.running import Service, StartService

FAR = "9999-12-31T23:59:59-12:00"
"""a year 10000 in UTC; nobody can write it any more"""


def rewrite_spec(service: Service, name: str, **changes: object) -> None:
    """Have the ledger hold what this version would refuse."""
    with closing(sqlite3.connect(service.data_dir / "ledger.sqlite3")) as ledger, ledger:
        ((spec,),) = ledger.execute("SELECT spec FROM sales WHERE live_name = ?", [name])
        text = json.dumps({**json.loads(spec), **changes})
        ledger.execute("UPDATE sales SET spec = ? WHERE live_name = ?", [text, name])


async def test_sales_of_the_year_10000_and_of_another_version_are_listed(
    start_service: StartService, http: aiohttp.ClientSession
) -> None:
    """Given one sale that starts too late, one that cannot be decoded, and one in order."""
    service = start_service("--workers", "2")
    operator = Api(http, service.url, service.operator_key)
    for name in ("far", "strange", "usual"):
        await create(operator, name)
    service.stop()
    rewrite_spec(service, "far", event_start_time=FAR)
    rewrite_spec(service, "strange", shape="unknown")
    again = start_service("--workers", "2", data_dir=service.data_dir)
    operator = Api(http, again.url, again.operator_key)
    listed = await operator.get("/v1/sales")
    assert listed.status == 200
    shown = {item["sale"]: item["state"] for item in listed.body["items"]}
    assert shown["usual"] == "open"
    assert set(shown) == {"far", "strange", "usual"}
    assert (await operator.get("/v1/sales/far")).status == 200
    assert (await operator.get("/v1/sales/usual/status")).body["state"] == "open"
