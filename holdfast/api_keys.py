"""API keys as a worker sees them: the operator's from the configuration, the rest from the ledger.

Every authorised call asks for its key, so answers are remembered for `REMEMBER_SECONDS`, which is
also how long a revoked key may still work on a worker that has just used it. What was not found is
remembered too: a client that repeats a wrong key costs the ledger one read per period.
"""

import hmac
import time
from dataclasses import dataclass

from holdfast_inventory.ledger import Ledger
from holdfast_web.credentials import ApiKey, Role, key_digest

REMEMBER_SECONDS = 2.0
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
        key = await self._read(digest)
        if len(self._remembered) >= MAX_REMEMBERED:
            self._remembered.clear()
        self._remembered[digest] = _Remembered(key, now + REMEMBER_SECONDS)
        return key

    async def _read(self, digest: str) -> ApiKey | None:
        record = await self._ledger.keys.find_hash(digest)
        if record is None:
            return None
        return ApiKey(record.id, Role(record.role), record.name, frozenset(record.channels))
