"""The limit on joins from one client address.

A sale sets its limit, or none, or leaves it to the default below. Without one, an address with ten
thousand tickets in a lobby whose order is drawn would have nearly all of the first hundred numbers.
A school that joins in the same minute, or that fraction of a carrier's customers behind one address
that wants the same tickets, fits in the burst of 300; who comes after them waits for seconds, and
the page repeats the join by itself. Ticket buyers' programs ask for thousands.

The default is for public addresses only. A private or loopback address is that of a proxy that is
missing in `trusted_proxies`, with all visitors behind it, or the operator's own network. A limit
that a sale sets holds for those as well.

The limiter is in the store (gcra.lua), so all workers share it. Only a digest of the
address is kept, and only until the address has its whole burst again. An address that takes more
than half of its burst, or is refused, is noted for operators, for a day: see limit_joins.lua.
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
    """Counts a join of `address`; raises JOIN_LIMITED when it exceeds the limit."""
    rate, burst = settings.address_joins_per_minute, settings.address_joins_burst
    if rate == 0 or address is None:
        return
    if rate is None:
        rate, burst = DEFAULT_PER_MINUTE, DEFAULT_BURST
    digest = blake2b(address.encode(), digest_size=_DIGEST_BYTES).hexdigest()
    answer = await calls.limit_joins(ref, digest, rate, burst, address)
    if answer.code < 0:
        seconds = max(1, -(-answer.ms // 1000))
        raise HoldfastError(ErrorCode.JOIN_LIMITED, retry_after=seconds)
