"""The routes that examine: the health of this node, and whether a sale's records agree.

Both read a lot. The findings about store, ledger and host are shared by everybody who asks within
KEPT_SECONDS, and a worker reconciles one sale at a time.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Mapping
from importlib.metadata import version
from typing import Final

from aiohttp import web

from holdfast.config import Config
from holdfast.doctor import Finding, Level, examine
from holdfast.http.app_keys import CONFIG, DIRECTORY, EXECUTOR, LEDGER
from holdfast.http.health import CHECKS
from holdfast.processes.worker_list import workers_of_node
from holdfast.reconcile import reconcile
from holdfast.reconcile.reading import Reader
from holdfast.sales.plans import PlanCache
from holdfast_web.credentials import Role, require_role
from holdfast_web.endpoint import endpoint
from holdfast_web.errors import ErrorCode, HoldfastError
from holdfast_web.paths import SALE
from holdfast_web.request.acting import actor_of
from holdfast_web.request.taken_query import takes_query
from holdfast_web.request.text import query_flag
from holdfast_web.responses import json_response
from holdfast_web.roles.role_routes import RoleRoutes
from holdfast_web.roles.service_roles import ServiceRole

EXAMINE_SECONDS: Final = 10.0
KEPT_SECONDS: Final = 5.0
RECONCILE_SECONDS: Final = 60.0
HEALTH: Final = "/v1/health"
RECONCILING: Final = web.AppKey("reconciling", asyncio.Lock)


class KeptFindings:
    """What the doctor finds, examined once in KEPT_SECONDS for all who ask; who asks during an
    examination waits for it.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        self._lock = asyncio.Lock()
        self._kept: list[Finding] = []
        self._until = 0.0

    async def read(self) -> list[Finding]:
        """The findings; TimeoutError when the examination takes more than EXAMINE_SECONDS."""
        async with self._lock:
            if time.monotonic() >= self._until:
                async with asyncio.timeout(EXAMINE_SECONDS):
                    self._kept = await examine(self._config)
                self._until = time.monotonic() + KEPT_SECONDS
            return self._kept


FINDINGS: Final = web.AppKey("findings", KeptFindings)


def add_routes(app: web.Application) -> None:
    """Adds the routes."""
    app[FINDINGS] = KeptFindings(app[CONFIG])
    app[RECONCILING] = asyncio.Lock()
    operator = RoleRoutes(app, ServiceRole.OPERATOR)
    operator.get(HEALTH, get_health)
    operator.add("POST", SALE + "/reconcile", post_reconcile, audits="sale.repair")


@endpoint
async def get_health(request: web.Request) -> web.Response:
    """What the doctor finds, whether store and ledger take writes, and the workers of this node."""
    await require_role(request, Role.VIEWER)
    checks = await request.app[CHECKS].find("readiness") or {}
    findings = await request.app[FINDINGS].read()
    levels = Counter(finding.level for finding in findings)
    return json_response(
        {
            "status": _status(checks, levels),
            "version": version("holdfast"),
            "checks": checks,
            "counts": {level.value: levels[level] for level in Level},
            "findings": findings,
            "groups": [
                {"roles": group.roles, "workers": group.workers}
                for group in request.app[CONFIG].groups()
            ],
            "workers": await asyncio.to_thread(workers_of_node),
        },
        headers={"Cache-Control": "no-store"},
    )


def _status(checks: Mapping[str, str], levels: Mapping[Level, int]) -> str:
    """`problem` when nothing should be sold, `warning` when something should be changed."""
    if set(checks.values()) != {"ok"} or levels[Level.PROBLEM]:
        return Level.PROBLEM.value
    return Level.WARNING.value if levels[Level.WARNING] else Level.OK.value


@endpoint
@takes_query("repair")
async def post_reconcile(request: web.Request) -> web.Response:
    """What differs between ledger, store and events of a sale; with `repair=true` it is repaired.
    503 `overloaded` while this worker reconciles already.
    """
    await require_role(request, Role.OPERATOR)
    repair = query_flag(request, "repair")
    sale = await request.app[DIRECTORY].get(request.match_info["sale"])
    lock, ledger = request.app[RECONCILING], request.app[LEDGER]
    if lock.locked():
        raise HoldfastError(ErrorCode.OVERLOADED, "A sale is being reconciled.", retry_after=5)
    reader = Reader(request.app[EXECUTOR], ledger, PlanCache(ledger))
    async with lock, asyncio.timeout(RECONCILE_SECONDS):
        result = await reconcile(reader, sale.name, repair=repair)
    if repair:
        entry = actor_of(request).entry("sale.repair", after=result)
        await ledger.audit.append(entry, sale=sale.name)
    return json_response(result)
