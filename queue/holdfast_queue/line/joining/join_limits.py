"""How many places one client address may take.

A sale sets its limit, or none, or leaves it to the one below: in a lobby whose order is drawn, one
address with ten thousand tickets would else have nearly all of the first hundred. A school that
joins in the same minute, and the fraction of a carrier's customers behind one address who want the
same tickets, fit in the 300 that may come at once; who comes after them waits for seconds, and the
page asks again by itself. What it is to keep out asks for thousands.

That one is for public addresses only. A private or loopback address is no visitor's but a proxy's
that nobody has named in `trusted_proxies`, with all visitors behind it, or the operator's own
network; a limit that a sale sets holds for those as well.

What counts is the limiter in the store (gcra.lua), so all workers share it; only a digest
of the address is kept, and that only until the address is as good as unknown.
"""

from hashlib import blake2b
from typing import Final

from holdfast_lua.calls.guard import SaleRef
from holdfast_lua.calls.line import LineCalls
from holdfast_queue.line.settings import LineSettings
from holdfast_web.errors import ErrorCode, HoldfastError

DEFAULT_PER_MINUTE: Final = 60
DEFAULT_BURST: Final = 300
_DIGEST_BYTES: Final = 9


async def limit_join(
    calls: LineCalls, ref: SaleRef, settings: LineSettings, address: str | None
) -> None:
    """Counts a join; 429 `join_limited` when the address has had its share."""
    rate, burst = settings.address_joins_per_minute, settings.address_joins_burst
    if rate == 0 or address is None:
        return
    if rate is None:
        rate, burst = DEFAULT_PER_MINUTE, DEFAULT_BURST
    digest = blake2b(address.encode(), digest_size=_DIGEST_BYTES).hexdigest()
    answer = await calls.limit_joins(ref, digest, rate, burst)
    if answer.code < 0:
        seconds = max(1, -(-answer.ms // 1000))
        raise HoldfastError(ErrorCode.JOIN_LIMITED, retry_after=seconds)
