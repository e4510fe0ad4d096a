"""Reconciliation: compares ledger, store and events of a sale, and repairs the store.

    reading     reads all three while the sale runs
    rewinding   undoes changes of holds since the map was read
    comparing   finds differences, seat by seat and area by area; pure
    repair      brings the store to what the ledger says
    running     repeats readings until a difference is certain

The service keeps the three consistent by itself. This is for cases that it does not plan for: a
restored backup, manual changes in the database, a bug.
"""

from holdfast.reconcile.running import Reconciliation, reconcile

__all__ = ["Reconciliation", "reconcile"]
