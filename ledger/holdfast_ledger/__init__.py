"""The ledger: what is sold, in SQL, where no seat can have two owners.

`Ledger` is the entry point. Reads and writes of sales, keys, draws and so on go through its typed
parts; everything that changes an order goes through `Ledger.commit`, which commits the intents of
one moment in one transaction.
"""

from holdfast_ledger.changes import ChangeCursor
from holdfast_ledger.draws import DrawRecord
from holdfast_ledger.errors import (
    EpochElsewhere,
    EpochPassed,
    LedgerBusy,
    LedgerError,
    LedgerUnavailable,
    OrdersKept,
    SaleMissing,
    SaleTaken,
)
from holdfast_ledger.ledger import Ledger
from holdfast_ledger.order_flags import ANY_FLAG, OrderFlag
from holdfast_ledger.order_totals import OrderTotals
from holdfast_ledger.orders import OrderQuery
from holdfast_ledger.records import (
    Actor,
    AuditEntry,
    AuditRecord,
    Checkpoint,
    KeyRecord,
    Order,
    OrderItem,
    OrderStatus,
    RebuildState,
    SaleDraft,
    SaleRecord,
)
from holdfast_ledger.seat_blocks import SeatBlock
from holdfast_ledger.transactions.intents import (
    GiveBack,
    MarkLost,
    MarkPending,
    MarkVoid,
    Outcome,
    RecoveryLease,
    RefundItem,
    Sell,
    StoreSynced,
    Verdict,
)

__all__ = [
    "ANY_FLAG",
    "Actor",
    "AuditEntry",
    "AuditRecord",
    "ChangeCursor",
    "Checkpoint",
    "DrawRecord",
    "EpochElsewhere",
    "EpochPassed",
    "GiveBack",
    "KeyRecord",
    "Ledger",
    "LedgerBusy",
    "LedgerError",
    "LedgerUnavailable",
    "MarkLost",
    "MarkPending",
    "MarkVoid",
    "Order",
    "OrderFlag",
    "OrderItem",
    "OrderQuery",
    "OrderStatus",
    "OrderTotals",
    "OrdersKept",
    "Outcome",
    "RebuildState",
    "RecoveryLease",
    "RefundItem",
    "SaleDraft",
    "SaleMissing",
    "SaleRecord",
    "SaleTaken",
    "SeatBlock",
    "Sell",
    "StoreSynced",
    "Verdict",
]
