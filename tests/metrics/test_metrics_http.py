import asyncio

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from prometheus_client.parser import text_string_to_metric_families

from holdfast.http.scraping import FLUSH_SECONDS, flushing, handle_metrics
from holdfast_metrics.exposition import exposition
from holdfast_metrics.metrics import Metrics
from holdfast_web.metrics import METRICS


def _app() -> web.Application:
    app = web.Application()
    app[METRICS] = Metrics()
    app.router.add_get("/metrics", handle_metrics)
    app.cleanup_ctx.append(flushing)
    return app


async def test_scrape_shows_what_was_counted_a_moment_ago() -> None:
    app = _app()
    async with TestClient(TestServer(app)) as client:
        app[METRICS].holds.add("concert", "created")
        answer = await client.get("/metrics")
        text = await answer.text()
    assert answer.content_type == "text/plain"
    assert 'holdfast_holds_total{outcome="created",sale="concert"} 1.0' in text
    assert list(text_string_to_metric_families(text))


async def test_counts_are_flushed_without_a_scrape() -> None:
    app = _app()
    async with TestClient(TestServer(app)):
        app[METRICS].holds.add("concert", "created")
        for _ in range(100):
            if b"created" in exposition(app[METRICS])[0]:
                return
            await asyncio.sleep(FLUSH_SECONDS / 5)
    pytest.fail("nothing was flushed")


async def test_counts_are_flushed_at_the_end() -> None:
    app = _app()
    async with TestClient(TestServer(app)):
        app[METRICS].holds.add("concert", "late")
    assert b"late" in exposition(app[METRICS])[0]
