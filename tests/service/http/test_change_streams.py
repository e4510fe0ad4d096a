"""Server-sent events over real HTTP: resuming, bounds, what they cost the store, and the end."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import redis.asyncio
from support.api_client import Api, create, in_time
from support.service.running import Service, StartService

from holdfast.http.listening import IN_FLIGHT_SECONDS
from holdfast_lua import EmbeddedStore

UNIT = {"areas": [{"id": "floor", "quantity": 1}], "buyer": "bea"}
SSE = {"Accept": "text/event-stream"}
READINGS_PER_SECOND = 5  # of one reader
UNUSED_BOUND = {"HOLDFAST_SHUTDOWN_SECONDS": "60"}
SCRIPT_READS = 2  # each reading looks at the stream's first entry, then at what follows the cursor


@dataclass
class Stream:
    """One open stream, its fields parsed as an `EventSource` would."""

    response: aiohttp.ClientResponse
    last_id: str = ""
    comments: int = 0
    fields: dict[str, str] = field(default_factory=dict)

    async def message(self) -> dict[str, Any]:
        """The next message's data; {} at the end of the stream."""
        event: dict[str, str] = {}
        async with asyncio.timeout(10):
            async for raw in self.response.content:
                line = raw.decode().rstrip("\n")
                if not line:
                    self.fields |= event
                    if "data" in event:
                        return dict(json.loads(event["data"]))
                    event = {}
                    continue
                name, _, value = line.partition(":")
                event[name] = value.strip()
                if name == "id":
                    self.last_id = event[name]
        return {}


@asynccontextmanager
async def listening(api: Api, name: str, after: str = "", **headers: str) -> AsyncIterator[Stream]:
    address = f"{api.url}/v1/sales/{name}/changes" + (f"?after={after}" if after else "")
    timeout = aiohttp.ClientTimeout(None)
    async with api.http.get(address, headers={**SSE, **headers}, timeout=timeout) as response:
        yield Stream(response)


async def version(api: Api, name: str) -> str:
    return str((await api.get(f"/v1/sales/{name}/seats")).body["version"])


async def test_a_stream_tells_changes_and_resumes_where_it_was_cut_off(
    operator: Api, platform: Api, name: str
) -> None:
    await create(operator, name)
    async with listening(operator.as_(None), name, await version(operator, name)) as stream:
        headers = stream.response.headers
        assert stream.response.status == 200
        assert headers["Content-Type"] == "text/event-stream"
        assert headers["Access-Control-Allow-Origin"] == "*"
        assert headers["X-Accel-Buffering"] == "no"
        hold = (await platform.hold(name, UNIT)).body
        first = await stream.message()
    assert 2000 <= int(stream.fields["retry"]) <= 5000
    assert first["version"] == stream.last_id
    [change] = first["changes"]
    assert (change["type"], change["state"]) == ("hold.created", "h")
    assert "bea" not in json.dumps(first)
    assert hold["id"] not in json.dumps(first)

    await platform.post(f"/v1/sales/{name}/holds/{hold['id']}/release", {"buyer": "bea"})
    resumed = {"Last-Event-ID": stream.last_id}
    # The id that the browser remembers outweighs the address that it was given first.
    async with listening(operator.as_(None), name, "1-0", **resumed) as stream:
        [change] = (await stream.message())["changes"]
        assert change["type"] == "hold.released"


async def test_the_same_address_answers_json_to_who_asks_for_it(
    operator: Api, platform: Api, name: str
) -> None:
    await create(operator, name)
    after = await version(operator, name)
    await platform.hold(name, UNIT)
    page = await operator.get(f"/v1/sales/{name}/changes?after={after}")
    async with listening(operator, name, after) as stream:
        message = await stream.message()
    assert message == {key: page.body[key] for key in ("version", "changes")}


@pytest.mark.parametrize(
    ("after", "status", "code"),
    [("", 400, "invalid_request"), ("x", 400, "invalid_request"), ("9-9", 410, "cursor_expired")],
)
async def test_a_stream_that_cannot_begin_says_so(
    operator: Api, name: str, after: str, status: int, code: str
) -> None:
    """An `EventSource` does not come back after an answer that is not 200."""
    await create(operator, name)
    async with listening(operator, name, after) as stream:
        assert stream.response.status == status
        assert (await stream.response.json())["code"] == code


async def test_two_hundred_streams_cost_the_store_one_reader_for_each_worker(
    operator: Api, platform: Api, name: str, shared_service: Service
) -> None:
    """By the store's own count: XRANGE is what readings of the stream are made of, nothing else.

    A connection for each stream would be the other way to make the store pay for who listens.
    """
    await create(operator, name, max_units_per_buyer=100)
    after = await version(operator, name)
    store = redis.asyncio.Redis.from_url(EmbeddedStore(shared_service.data_dir).url)

    async def xranges() -> int:
        stats = await store.info("commandstats")
        return int(stats.get("cmdstat_xrange", {"calls": 0})["calls"])

    async def clients() -> int:
        return int((await store.info("clients"))["connected_clients"])

    async with store, AsyncExitStack() as stack:
        before, started = await xranges(), time.monotonic()
        connected = await clients()
        streams = [
            await stack.enter_async_context(listening(operator.as_(None), name, after))
            for _ in range(200)
        ]
        holds = 10
        for _ in range(holds):
            await platform.hold(name, UNIT)
        counts = await asyncio.gather(*(_changes(stream, holds) for stream in streams))
        seconds, spent = time.monotonic() - started, await xranges() - before
        assert await clients() <= connected + 2
    assert counts == [holds] * 200
    # Joining costs a reading for whoever finds its worker's reader a little behind or not started.
    workers = len(shared_service.workers())
    readings = workers * (seconds * READINGS_PER_SECOND + 10)
    assert spent <= readings * SCRIPT_READS, (spent, seconds)


async def _changes(stream: Stream, expected: int) -> int:
    seen = 0
    while seen < expected:
        seen += len((await stream.message())["changes"])
    return seen


async def test_there_are_no_more_streams_than_set_and_they_end_with_the_service(
    start_service: StartService, http: aiohttp.ClientSession, name: str, tmp_path: Path
) -> None:
    """Open streams must not hold up a stop: neither bound on requests in flight is used up."""

    async def stopped(turn: int) -> float:
        service = start_service(
            HOLDFAST_CHANGE_STREAMS="2", data_dir=tmp_path / str(turn), **UNUSED_BOUND
        )
        operator = Api(http, service.url, service.operator_key)
        await create(operator, name)
        after = await version(operator, name)
        async with listening(operator, name, after), listening(operator, name, after) as second:
            async with listening(operator, name, after) as third:
                assert third.response.status == 503
                assert third.response.headers["Retry-After"] == "5"
                assert (await third.response.json())["code"] == "overloaded"
            started = time.monotonic()
            assert await asyncio.to_thread(service.stop) == 0, service.text
            seconds = time.monotonic() - started
            assert await second.message() == {}
        return seconds

    await in_time(stopped, IN_FLIGHT_SECONDS)


async def test_a_stream_is_counted_and_not_timed(
    start_service: StartService, http: aiohttp.ClientSession, name: str
) -> None:
    service = start_service()
    operator = Api(http, service.url, service.operator_key)
    await create(operator, name)
    async with listening(operator, name, await version(operator, name)):
        pass
    route = 'route="/v1/sales/{sale}/changes"'
    counted = f'holdfast_requests_total{{code="200",method="GET",{route}}} 1.0'
    for _ in range(100):
        text = (await operator.get("/metrics")).body.decode()
        if counted in text:
            break
        await asyncio.sleep(0.1)
    assert counted in text
    assert f"holdfast_request_seconds_count{{{route}}}" not in text
