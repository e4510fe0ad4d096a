"""API keys as a worker sees them: the operator's from the configuration, the rest from the ledger.

Every authorised call asks for its key, so answers are remembered for `REMEMBER_SECONDS`, which is
also how long a revoked key may still work on a worker that has just used it. What was not found is
remembered too: a client that repeats a wrong key costs the ledger one read per period.

While the ledger is away, a key that was found before goes on working, for `LEDGERLESS_SECONDS` at
most: holds need no ledger, and without its key a shop could not make any. A key
that is revoked meanwhile, by somebody who can reach the ledger, works that long where it cannot be.
"""

import hmac
import time
from dataclasses import dataclass

from holdfast_inventory.ledger import Ledger, LedgerUnavailable
from holdfast_web.credentials import ApiKey, Role, key_digest

REMEMBER_SECONDS = 2.0
LEDGERLESS_SECONDS = 300.0
MAX_REMEMBERED = 1_000
OPERATOR = ApiKey(id="operator", role=Role.OPERATOR, name="operator key of the data directory")


@dataclass(frozen=True)
class _Remembered:
    key: ApiKey | None
    until: float


class KeyRegistry:
    """From the digest of a secret to its key; what `API_KEYS` of the application holds."""

    def __init__(self, ledger: Ledger, operator_key: str) -> None:
        self._ledger = ledger
        self._operator_digest = key_digest(operator_key)
        self._remembered: dict[str, _Remembered] = {}

    async def __call__(self, digest: str) -> ApiKey | None:
        """The key with this digest, None when there is none."""
        if hmac.compare_digest(digest, self._operator_digest):
            return OPERATOR
        now = time.monotonic()
        known = self._remembered.get(digest)
        if known is not None and known.until > now:
            return known.key
        try:
            key = await self._read(digest)
        except LedgerUnavailable:
            if known is None or known.key is None or known.until + LEDGERLESS_SECONDS < now:
                raise
            return known.key
        if len(self._remembered) >= MAX_REMEMBERED:
            self._remembered.clear()
        self._remembered[digest] = _Remembered(key, now + REMEMBER_SECONDS)
        return key

    async def _read(self, digest: str) -> ApiKey | None:
        record = await self._ledger.keys.find_hash(digest)
        if record is None:
            return None
        return ApiKey(record.id, Role(record.role), record.name, frozenset(record.channels))
