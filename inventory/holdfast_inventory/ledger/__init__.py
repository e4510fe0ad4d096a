"""The ledger: what is sold, in SQL, where no seat can have two owners.

`Ledger` is the one thing that others import. Reads and the registry go through its typed parts;
everything that changes an order goes through `commit`, which gathers the intents of one moment into
one transaction.
"""

from .blocks import SeatBlock
from .changes import Position, SaleChange
from .draws import DrawRecord
from .faults import EpochElsewhere, EpochPassed, LedgerUnavailable, SaleMissing, SaleTaken
from .intents import Claim, GiveBack, Lose, Outcome, Pend, RefundItem, Sell, Told, Verdict, Void
from .ledger import Ledger
from .records import (
    AuditEntry,
    AuditNote,
    Checkpoint,
    KeyRecord,
    Order,
    OrderItem,
    OrderStatus,
    RebuildState,
    Refund,
    SaleDraft,
    SaleRecord,
)

__all__ = [
    "AuditEntry",
    "AuditNote",
    "Checkpoint",
    "Claim",
    "DrawRecord",
    "EpochElsewhere",
    "EpochPassed",
    "GiveBack",
    "KeyRecord",
    "Ledger",
    "LedgerUnavailable",
    "Lose",
    "Order",
    "OrderItem",
    "OrderStatus",
    "Outcome",
    "Pend",
    "Position",
    "RebuildState",
    "Refund",
    "RefundItem",
    "SaleChange",
    "SaleDraft",
    "SaleMissing",
    "SaleRecord",
    "SaleTaken",
    "SeatBlock",
    "Sell",
    "Told",
    "Verdict",
    "Void",
]
