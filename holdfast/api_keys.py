"""The API keys of a worker: the operator's from the configuration, the others from the ledger.

Every authorised call looks up its key. A key that was found is cached for `CACHE_SECONDS`, which is
also how long a revoked one may still work on a worker that has just used it; a key in use is
renewed before that in the background. Any other key waits for the next batched lookup, so that
wrong keys, however many, cost the ledger one query a round. What has the form of a pass is never
looked up.

While the ledger is away, a key that was found before works on for `LEDGERLESS_SECONDS`, since holds
need no ledger; so does a key that is revoked meanwhile.
"""

import asyncio
import hmac
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from holdfast.batched_lookup import BatchedLookup
from holdfast_ledger import KeyRecord, Ledger, LedgerError, LedgerUnavailable
from holdfast_ledger.keys import hash_secret
from holdfast_tasks import start_task
from holdfast_web.credentials import ApiKey, Role, is_jwt
from holdfast_web.errors import HoldfastError

CACHE_SECONDS = 2.0
RENEW_SECONDS = 1.0
LEDGERLESS_SECONDS = 300.0
MAX_CACHED = 1_000
OPERATOR = ApiKey(id="operator", role=Role.OPERATOR, name="operator key of the data directory")


@dataclass(frozen=True)
class _CachedKey:
    key: ApiKey
    asked_at: float


class KeyRegistry:
    """Finds API keys by their secret; the `API_KEYS` of the application."""

    def __init__(self, ledger: Ledger, operator_key: str) -> None:
        self._ledger = ledger
        self._operator_digest = hash_secret(operator_key)
        self._cached: dict[str, _CachedKey] = {}
        self._lookup = BatchedLookup[ApiKey](self._read)
        self._renewing: dict[str, asyncio.Task[None]] = {}

    async def __call__(self, secret: str) -> ApiKey | None:
        """The key with this secret, None when there is none."""
        digest = hash_secret(secret)
        if hmac.compare_digest(digest, self._operator_digest):
            return OPERATOR
        if is_jwt(secret):
            return None
        now = time.monotonic()
        known = self._cached.get(digest)
        if known is not None and now < known.asked_at + CACHE_SECONDS:
            if now >= known.asked_at + RENEW_SECONDS:
                self._renew(digest)
            return known.key
        try:
            return await self._find(digest, now)
        except LedgerUnavailable:
            if known is None or known.asked_at + LEDGERLESS_SECONDS < now:
                raise
            return known.key

    async def aclose(self) -> None:
        """Ends the lookups under way."""
        await self._lookup.aclose()
        await asyncio.gather(*self._renewing.values(), return_exceptions=True)

    def _renew(self, digest: str) -> None:
        if digest not in self._renewing:
            task = start_task(self._find_quietly(digest), name="renew an API key")
            self._renewing[digest] = task
            task.add_done_callback(lambda _: self._renewing.pop(digest, None))

    async def _find_quietly(self, digest: str) -> None:
        """Ignores faults: they reach who looks the key up once it is no longer cached."""
        with suppress(HoldfastError, LedgerError):
            await self._find(digest, time.monotonic())

    async def _find(self, digest: str, asked_at: float) -> ApiKey | None:
        """Reads the key from the ledger; the lookup of a cached one is never refused."""
        known = digest in self._cached
        key = await self._lookup.find(digest, unbounded=known)
        if key is None:
            self._cached.pop(digest, None)
            return None
        if not known and len(self._cached) >= MAX_CACHED:
            self._cached.clear()
        self._cached[digest] = _CachedKey(key, asked_at)
        return key

    async def _read(self, digests: Sequence[str]) -> Mapping[str, ApiKey]:
        found = await self._ledger.keys.find_hashes(digests)
        return {digest: _api_key(record) for digest, record in found.items()}


def _api_key(record: KeyRecord) -> ApiKey:
    return ApiKey(
        record.id,
        Role(record.role),
        record.name,
        frozenset(record.channels),
        frozenset(record.sales),
    )
