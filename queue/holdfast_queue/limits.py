"""How many places one client address may take.

Off unless the sale says otherwise. What counts is the limiter in the store (include/gcra.lua), so
all workers share it; only a digest of the address is kept, and that only until the address is as
good as unknown.
"""

from hashlib import blake2b
from typing import Final

from holdfast_lua.guard import SaleRef
from holdfast_lua.line_calls import LineCalls
from holdfast_queue.settings import LineSettings
from holdfast_web.errors import ErrorCode, HoldfastError

_DIGEST_BYTES: Final = 9


async def limit_join(
    calls: LineCalls, ref: SaleRef, settings: LineSettings, address: str | None
) -> None:
    """Counts a join; 429 `join_limited` when the address has had its share."""
    rate, burst = settings.address_joins_per_minute, settings.address_joins_burst
    if not rate or address is None:
        return
    digest = blake2b(address.encode(), digest_size=_DIGEST_BYTES).hexdigest()
    answer = await calls.limit_joins(ref, digest, rate, burst)
    if answer.code < 0:
        seconds = max(1, -(-answer.ms // 1000))
        raise HoldfastError(ErrorCode.JOIN_LIMITED, retry_after=seconds)
