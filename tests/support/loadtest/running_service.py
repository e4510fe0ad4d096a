"""The service that a demo would start, as a fork."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from support.service.running import await_ready, launch

from holdfast_demo.service import ServiceOptions


@asynccontextmanager
async def running_service(options: ServiceOptions) -> AsyncIterator[ServiceOptions]:
    """`holdfast serve` with these options; their directory is made, and must not be there yet."""
    environ = {"HOLDFAST_OPERATOR_KEY": options.operator_key}
    if options.shop_port is not None:
        environ["HOLDFAST_LISTEN_SHOP"] = f"{options.host}:{options.shop_port}"
    arguments = ("--host", options.host, "--port", str(options.port))
    service = launch(options.data_dir, *arguments, "--workers", str(options.workers), **environ)
    try:
        await asyncio.to_thread(await_ready, service)
        yield options
    finally:
        await asyncio.to_thread(service.stop)
