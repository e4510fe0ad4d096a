"""How a sale comes into the store, at first and after a loss: the fence, the epoch, its stock."""

from collections.abc import Iterable

from model.reference.store_model import StoreModel
from model.reference.terms import taken_from

from holdfast_lua.calls.codes import Code
from holdfast_lua.calls.records import HoldRecord


def install_inventory(store: StoreModel, epoch: int, nonce: str) -> Code:
    """Takes down what there is, unless an installer of a later epoch was here."""
    installed = store.epoch if store.present else 0
    if installed == epoch:
        return Code.UNCHANGED
    if max(installed, store.fence) > epoch:
        return Code.INSTALL_FENCED
    if store.fence != epoch:
        store.nonce = nonce
    store.present, store.fence = False, epoch
    # The hash that had the time is gone. A checkpoint of the line would bring it; no run has one.
    store.clock_ms = 0
    return Code.OK


def install_sale(store: StoreModel, epoch: int, nonce: str) -> Code:
    """The last of an installation's scripts: with it the sale is there, if its stock is."""
    if store.present and store.epoch >= epoch:
        return Code.UNCHANGED if store.epoch == epoch else Code.EPOCH_CHANGED
    if (store.fence, store.nonce) != (epoch, nonce):
        return Code.INSTALL_FENCED
    return Code.OK


def begin_epoch(
    store: StoreModel,
    epoch: int,
    revision: int,
    holds: Iterable[HoldRecord],
    *,
    rebuilt: bool,
    lifecycle: str = "live",
    blocked: frozenset[int] = frozenset(),
    allotted: bool = False,
) -> None:
    """The sale hash is there: what was written before it is the sale from now on."""
    store.present, store.epoch, store.revision = True, epoch, revision
    store.lifecycle, store.resume_to, store.blocked = lifecycle, "live", blocked
    store.allotted = allotted
    store.holds = {record.id: taken_from(record) for record in holds}
    store.due = {h.id: h.expires_ms for h in store.holds.values() if h.status.timed}
    store.next_due_ms = min(store.due.values(), default=0)
    store.events = [("inventory.rebuilt", "")] if rebuilt else []
