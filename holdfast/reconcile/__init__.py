"""Reconciliation: do ledger, store and events of a sale say the same, and if not, make them.

    reading     what each of the three says, read while the sale runs
    rewinding   holds as they were when the map was read
    comparing   where they differ, seat by seat and area by area; pure
    mending     the store brought to what the ledger says
    running     readings repeated until what differs is a difference and not a moment

The service keeps the three together by itself. This is for the doubt after something that it does
not plan for: a restored backup, a hand in the database, a bug.
"""

from holdfast.reconcile.comparing import Difference
from holdfast.reconcile.running import Reconciliation, reconcile

__all__ = ["Difference", "Reconciliation", "reconcile"]
