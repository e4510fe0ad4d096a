"""Which function of the model stands for which script of the stock, and how one is run."""

from collections.abc import Callable
from typing import Final

from model.reference import holding, operating, selling
from model.reference.store_model import StoreModel
from model.reference.terms import AnsweredHold, ScriptRequest

from holdfast_lua.calls.codes import Code

Script = Callable[[StoreModel, ScriptRequest, AnsweredHold], Code]
READS: Final = ("scan_holds", "read_seats", "read_sale", "read_buyer_holds", "read_events")
"""scripts that change nothing, and of which the model says nothing"""
SCRIPTS: Final[dict[str, Script]] = {
    script.__name__: script
    for script in (
        holding.hold_seats,
        holding.extend_hold,
        holding.release_hold,
        holding.cancel_hold,
        holding.expire_holds,
        holding.read_hold,
        selling.begin_paying,
        selling.begin_confirm,
        selling.reacquire_hold,
        selling.finish_confirm,
        selling.abort_confirm,
        selling.book_hold,
        selling.drop_hold,
        selling.free_seats,
        selling.require_refund,
        operating.block_seats,
        operating.unblock_seats,
        operating.release_allotment,
        operating.change_lifecycle,
    )
}


def run(
    store: StoreModel, name: str, request: ScriptRequest, answered: AnsweredHold, clock_ms: int
) -> Code:
    """The code that the script must answer; `answered` is the hold that it did answer."""
    store.begin(clock_ms)
    was_gone = store.gone
    code = SCRIPTS[name](store, request, answered)
    if store.changed:
        store.commit(was_gone)
    return code
