"""Looks at a store before anything is sold through it, and opens plain clients for side jobs.

`check_store` is for the start of the service: a store that is too old, or that may evict keys when
memory runs short, is refused with a sentence that says what to change. Eviction would silently
delete sold seats; every other policy than `noeviction` is therefore an error as soon as memory is
limited. `inspect_store` only reads, for a report.

`find_refusal` asks what no setting tells: whether the store takes our writes at this moment.

`open_client` gives a redis-py client for what does not belong in the executor's batches: blocking
reads, scans, administration. It never retries by itself, see probe.py.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from redis.asyncio import Redis, RedisCluster
from redis.asyncio.cluster import ClusterNode
from redis.exceptions import ResponseError

from holdfast_lua.calls import keys
from holdfast_lua.calls.store import probe_store, raise_version
from holdfast_lua.client.executor import Executor
from holdfast_lua.client.link import Address, LinkSettings
from holdfast_lua.client.probe import asking, connection_options, plain_client
from holdfast_lua.client.sentinels import find_master
from holdfast_lua.client.slots import find_slots
from holdfast_lua.client.store_url import StoreUrl
from holdfast_lua.errors import StoreRefusing, StoreSetupError, StoreUnavailable

LEAST_VERSIONS: Final[Mapping[str, tuple[int, int]]] = {"redis": (7, 0), "valkey": (7, 2)}
SAFE_POLICY: Final = "noeviction"
SCANNED_AT_ONCE: Final = 1_000
_ROLES: Final = {"master": "master", "slave": "replica"}
_CONFIG: Final = ("appendfsync", "min-replicas-to-write", "min-replicas-max-lag")


@dataclass(frozen=True, slots=True)
class StoreInfo:
    """What a server says of itself; `config` holds what INFO does not tell, if readable."""

    address: Address
    server: str
    version: tuple[int, ...]
    role: str
    cluster: bool
    cluster_healthy: bool
    maxmemory_bytes: int
    maxmemory_policy: str
    aof: bool
    aof_failing: bool
    replicas: int
    clock_ms: int
    clock_ahead_ms: int  # of this host's clock,
    clock_doubt_ms: int  # give or take this much
    config: Mapping[str, str]

    @property
    def version_text(self) -> str:
        """`9.1.2`."""
        return ".".join(map(str, self.version))

    def unfit(self) -> str | None:
        """Why nothing may be sold through this server, or None."""
        least = LEAST_VERSIONS[self.server]
        if self.version[:2] < least:
            wanted = ".".join(map(str, least))
            return f"{self.server} {self.version_text} is too old, {wanted} is needed"
        if self.role != "master":
            return f"it is a {self.role}: name the master, or use redis+sentinel://"
        if self.maxmemory_bytes and self.maxmemory_policy != SAFE_POLICY:
            return (
                f"maxmemory-policy is {self.maxmemory_policy}, so it may delete sold seats when "
                f"memory is short: set it to {SAFE_POLICY}"
            )
        return None


async def check_store(url: StoreUrl | str) -> list[StoreInfo]:
    """Inspects every server; StoreSetupError when one is unfit, StoreUnavailable if silent."""
    parsed = StoreUrl.parse(url) if isinstance(url, str) else url
    found = await inspect_store(parsed)
    for info in found:
        reason = info.unfit()
        if info.cluster and parsed.kind != "cluster":
            reason = "it is part of a Cluster: use redis+cluster://"
        if reason:
            raise StoreSetupError(f"the store at {info.address} cannot be used: {reason}")
    return found


async def inspect_store(url: StoreUrl | str) -> list[StoreInfo]:
    """Asks the store's server, or every master of a Cluster."""
    parsed = StoreUrl.parse(url) if isinstance(url, str) else url
    try:
        settings = parsed.link_settings()  # reads the authority's file
        addresses = await _servers(parsed, settings)
        return [await _inspect(address, settings) for address in addresses]
    except OSError as fault:
        raise StoreUnavailable(f"{parsed}: {fault or 'timed out'}") from fault


async def find_refusal(url: StoreUrl | str) -> StoreRefusing | None:
    """Why the store takes no writes from us now; None when it does. Raises StoreUnavailable."""
    async with Executor(url) as executor:
        try:
            await probe_store(executor)
        except StoreRefusing as refusal:
            return refusal
    return None


async def raise_data_version(url: StoreUrl | str) -> None:
    """Brings the data version of the store to that of this release; for its start."""
    async with Executor(url) as executor:
        await raise_version(executor)


async def has_sales(url: StoreUrl | str) -> bool:
    """Whether the store carries any sale; looks through its keys, so for the start alone."""
    parsed = StoreUrl.parse(url) if isinstance(url, str) else url
    try:
        settings = parsed.link_settings()
        for address in await _servers(parsed, settings):
            async with asking(address, settings) as client:
                async for _ in client.scan_iter(match=keys.sale("*"), count=SCANNED_AT_ONCE):
                    return True
    except OSError as fault:
        raise StoreUnavailable(f"{parsed}: {fault or 'timed out'}") from fault
    return False


@dataclass(frozen=True, slots=True)
class SentinelInfo:
    """Whether a Sentinel could replace the master: an empty `fault` says that it could."""

    address: Address
    reachable: bool
    fault: str = ""


async def inspect_sentinels(url: StoreUrl) -> list[SentinelInfo]:
    """Asks every Sentinel of the URL whether it reaches enough others."""
    return [await _inspect_sentinel(address, url) for address in url.addresses]


async def _inspect_sentinel(address: Address, url: StoreUrl) -> SentinelInfo:
    try:
        async with asking(address, url.sentinel_settings()) as client:
            try:
                await client.sentinel_ckquorum(url.master)
            except ResponseError as refusal:
                return SentinelInfo(address, True, str(refusal))
    except OSError as fault:
        return SentinelInfo(address, False, str(fault))
    return SentinelInfo(address, True)


async def _servers(url: StoreUrl, settings: LinkSettings) -> list[Address]:
    if url.kind == "sentinel":
        return [await find_master(url)]
    if url.kind == "standalone":
        return [url.addresses[0]]
    view = await find_slots(url.addresses, settings)
    return list(dict.fromkeys(view.slots.values()))


async def _inspect(address: Address, settings: LinkSettings) -> StoreInfo:
    async with asking(address, settings) as client:
        info: dict[str, Any] = await client.info()
        asked = time.time()
        seconds, micros = await client.time()
        answered = time.time()
        clustered = info.get("cluster_enabled") == 1
        cluster = await client.execute_command("CLUSTER INFO") if clustered else {}  # type: ignore[no-untyped-call]
        config = await _read_config(client)
    clock_ms = int(seconds) * 1000 + int(micros) // 1000
    server = "valkey" if "valkey_version" in info else "redis"
    version = str(info.get("valkey_version") or info.get("redis_version", "0"))
    return StoreInfo(
        address=address,
        server=server,
        version=tuple(int(part) for part in version.split(".") if part.isdigit()),
        role=_ROLES.get(info.get("role", ""), "unknown"),
        cluster=clustered,
        cluster_healthy=not clustered or cluster.get("cluster_state") == "ok",
        maxmemory_bytes=int(info.get("maxmemory", 0)),
        maxmemory_policy=str(info.get("maxmemory_policy", "unknown")),
        aof=info.get("aof_enabled") == 1,
        aof_failing="err"
        in (info.get("aof_last_write_status"), info.get("aof_last_bgrewrite_status")),
        replicas=int(info.get("connected_slaves", 0)),
        clock_ms=clock_ms,
        clock_ahead_ms=clock_ms - round(500 * (asked + answered)),
        clock_doubt_ms=math.ceil(500 * (answered - asked)) + 1,
        config=config,
    )


async def _read_config(client: Redis) -> dict[str, str]:
    """Hosted stores often forbid CONFIG: then we do not know, which is not an error."""
    try:
        found = await client.config_get(*_CONFIG)
    except ResponseError:
        return {}
    return {str(name): str(value) for name, value in found.items()}


async def open_client(
    url: StoreUrl | str, *, reply_timeout_seconds: float | None = 5.0
) -> Redis | RedisCluster:
    """A redis-py client with bytes replies; `reply_timeout_seconds=None` for blocking reads.

    With Sentinel it is bound to the master of this moment: when that one is lost, open another.
    """
    parsed = StoreUrl.parse(url) if isinstance(url, str) else url
    settings = parsed.link_settings()
    if parsed.kind == "cluster":
        nodes = [ClusterNode(address.host, address.port) for address in parsed.addresses]
        options = {**connection_options(settings), "socket_timeout": reply_timeout_seconds}
        return RedisCluster(startup_nodes=nodes, **options)
    address = await find_master(parsed) if parsed.kind == "sentinel" else parsed.addresses[0]
    return plain_client(address, settings, socket_timeout=reply_timeout_seconds)
