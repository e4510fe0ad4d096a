"""Decides whether a hold that the store does not know was lost or was never made.

A node that still uses a replaced master knows nothing of the holds in the new one, so it first asks
the Sentinels. In later epochs than the first the two cannot be distinguished, and the hold counts
as lost. In the first epoch it can only have been lost by a failover.
"""

from __future__ import annotations

from holdfast_inventory.holds.sale_context import SaleContext
from holdfast_ledger import EpochPassed


async def may_be_lost(context: SaleContext, epoch: int) -> bool:
    """Whether a hold that neither store nor ledger knows in this epoch may have existed.

    StoreUnavailable while the store may be a replaced master, EpochPassed when the ledger has a
    later epoch than this process.
    """
    promoted = await context.inventory.calls.was_promoted(context.inventory.ref)
    if (await context.ledger.sales.read_uid(context.inventory.uid)).epoch != epoch:
        raise EpochPassed()
    return promoted or epoch > 1
