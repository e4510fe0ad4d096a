"""Ways to make the script call with valkey-glide, whose core is in Rust and speaks RESP3.

The core has a thread of its own: processor time has to be that of the process.
"""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any, Final

from glide import Batch, GlideClient, GlideClientConfiguration, NodeAddress

from bench.kit.clients.callers import OneCall, Ways
from bench.kit.clients.pump import Pump, Send
from bench.kit.clients.two_commands import ScriptCall

REQUEST_MS: Final = 20_000
IN_FLIGHT: Final = 10_000


@asynccontextmanager
async def glide_ways(
    path: str, call: ScriptCall, connections: Sequence[int]
) -> AsyncIterator[Ways]:
    """The client by itself, which multiplexes, and a pump over its batch.

    A client has one connection, so more connections are more clients, asked in turns.
    """
    async with AsyncExitStack() as stack:
        ways: Ways = {}
        for count in connections:
            clients = [await _client(stack, path) for _ in range(count)]
            pump = await stack.enter_async_context(Pump([_batched(client) for client in clients]))
            ways |= {
                f"glide {count}": _alone(clients, call),
                f"glide batch {count}": partial(pump.run, call),
            }
        yield ways


async def _client(stack: AsyncExitStack, path: str) -> Any:
    client = await GlideClient.create(
        GlideClientConfiguration(
            [NodeAddress(unix_socket_path=path)],
            request_timeout=REQUEST_MS,
            inflight_requests_limit=IN_FLIGHT,
        )
    )
    stack.push_async_callback(client.close)
    return client


def _alone(clients: Sequence[Any], call: ScriptCall) -> OneCall:
    """Calls as a custom command, since `invoke_script` costs a tenth more."""
    turns = itertools.cycle(clients)
    return lambda: next(turns).custom_command(list(call.command))


def _batched(client: Any) -> Send[ScriptCall]:
    async def send(calls: list[ScriptCall]) -> Sequence[Any]:
        batch = Batch(is_atomic=False)
        for call in calls:
            batch.custom_command(list(call.command))
        replies: Sequence[Any] = await client.exec(batch, raise_on_error=False)
        return replies

    return send
