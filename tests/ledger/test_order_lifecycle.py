"""The life of an order in docs/lifecycles.md is what `decide` does, intent by intent."""

from collections.abc import Iterator
from itertools import product
from typing import get_args

from msgspec.structs import replace
from support.ledger.orders import build_order
from support.lifecycle_diagrams import NOWHERE, changes, read_diagram

from holdfast_ledger import (
    GiveBack,
    MarkLost,
    MarkPending,
    MarkVoid,
    Order,
    OrderStatus,
    RecoveryLease,
    RefundItem,
    Sell,
    StoreSynced,
)
from holdfast_ledger.transactions.decide import decide, taken
from holdfast_ledger.transactions.intents import Intent

EPOCH = 3
VERSIONS = (1, 2, 3)
SEAT = RefundItem(seat="guid-4")
REST = (RefundItem(seat="guid-5"), RefundItem(area="floor", quantity=2))


def order(**values: object) -> Order:
    """Two seats and two floor units."""
    return build_order("sale", "o1", seats=(4, 5), floor=2, **values)


def rows() -> Iterator[Order | None]:
    """No order, and one in every status, at every version, with all of it or with a part left."""
    yield None
    for status, version in product(OrderStatus, VERSIONS):
        whole = order(status=status, hold_version=version, due_ms=7_000)
        yield whole
        first, *others = whole.items
        yield replace(whole, items=(replace(first, refunded=1), *others))


def intents() -> Iterator[Intent]:
    """Every intent, with every difference that `decide` looks at."""
    for version, changed in product(VERSIONS, ({}, {"amount": 1})):
        wanted = order(hold_version=version, updated_ms=2_000, **changed)
        yield MarkPending(EPOCH, wanted)
        yield Sell(EPOCH, wanted)
        yield MarkLost(EPOCH, wanted)
        yield MarkVoid(EPOCH, wanted)
    for items in (None, (SEAT,), REST, (SEAT, *REST)):
        yield GiveBack(EPOCH, "sale", "o1", 5_000, items)
    for at_ms in (1_000, 2_000):
        yield StoreSynced(EPOCH, "sale", "o1", at_ms)
        yield RecoveryLease(EPOCH, "sale", "o1", 7_000, at_ms)


def steps() -> Iterator[tuple[str, str, str]]:
    """From which status to which, and by which intent."""
    for row, intent in product(rows(), intents()):
        step, before = decide(intent, row, EPOCH), row.status.value if row else NOWHERE
        after = step.write or row
        name = type(intent).__name__
        yield before, after.status.value if after else NOWHERE, name
        if step.take_seats:
            lost = taken(step, step.take_seats, ()).write
            assert lost is not None
            yield before, lost.status.value, f"{name} (taken)"


def test_every_intent_is_tried() -> None:
    assert {type(intent) for intent in intents()} == set(get_args(Intent))


def test_diagram_is_what_intents_do() -> None:
    diagram = read_diagram("An order")
    assert diagram.states == {status.value for status in OrderStatus}
    assert diagram.arrows == changes(steps())
