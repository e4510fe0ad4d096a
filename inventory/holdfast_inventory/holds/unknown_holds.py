"""A hold that the store does not know: lost, or never made?

A node that is still on a master which was replaced knows nothing of the holds in the new one, so it
says neither before it has asked. In later epochs than the first nobody can tell, and the hold
counts as lost. In the first one nothing was lost as far as the ledger knows, but a failover may
have lost it.
"""

from __future__ import annotations

from holdfast_inventory.holds.sale_context import SaleContext
from holdfast_ledger import EpochPassed


async def may_be_lost(context: SaleContext, epoch: int) -> bool:
    """Whether a hold that neither store nor ledger knows in this epoch may have been there.

    Raises StoreUnavailable while the store may not be the one to ask, EpochPassed when the ledger
    has a later epoch than this process.
    """
    promoted = await context.inventory.calls.was_promoted(context.inventory.ref)
    if (await context.ledger.sales.read_uid(context.inventory.uid)).epoch != epoch:
        raise EpochPassed()
    return promoted or epoch > 1
