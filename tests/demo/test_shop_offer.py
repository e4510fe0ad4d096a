"""What the shop's server reads of a plan, also from a node of the release before."""

from __future__ import annotations

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from holdfast_demo.shop.service_client import SaleService, ServiceRefused

PLAN = {"categories": [{"name": "I"}], "prices": {"I": 4500}, "zones": []}


@pytest.mark.parametrize(("whole", "offered"), [(200, {"I": 4500}), (503, None)])
async def test_plan_is_read_whole_where_its_short_form_is_unknown(
    whole: int, offered: dict[str, int] | None
) -> None:
    """Given a node that refuses parameters of the query which it does not know."""

    async def plan(request: web.Request) -> web.Response:
        return web.json_response(PLAN, status=400 if request.query_string else whole)

    app = web.Application()
    app.router.add_get("/v1/sales/hall/plan", plan)
    async with TestServer(app) as server, aiohttp.ClientSession() as session:
        url = str(server.make_url("")).rstrip("/")
        service = SaleService(session, url, "hall", "key", url)
        if offered is None:
            with pytest.raises(ServiceRefused):
                await service.offer()
        else:
            assert (await service.offer()).prices == offered
