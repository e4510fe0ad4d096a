"""One sale as this process has it: the ledger's record, its waiting room and its inventory."""

from dataclasses import dataclass, field

from holdfast.sales.spec import SaleSpec
from holdfast_inventory.holds.sale_inventory import SaleInventory
from holdfast_ledger import Checkpoint, SaleRecord
from holdfast_lua.calls.guard import SaleRef
from holdfast_queue.line.room import Room
from holdfast_web.timestamps import unix_ms


@dataclass
class Sale:
    """Shared by every request of the process; `room` and `inventory` share its `ref`."""

    record: SaleRecord
    spec: SaleSpec
    ref: SaleRef
    room: Room
    inventory: SaleInventory
    released: set[str] = field(default_factory=set)
    """The channels that, as far as this process knows, the store has released."""
    checkpoint: Checkpoint | None = None
    """The last checkpoint that this process has written."""
    requested: bool = False
    """Whether a request has named the sale since its last tick."""

    @property
    def name(self) -> str:
        """The sale's name in URLs."""
        return self.record.name

    @property
    def uid(self) -> str:
        """The id that distinguishes it from earlier sales of the same name."""
        return self.record.uid

    @property
    def opens_ms(self) -> int:
        """The start by the ledger, in ms of store time; 0 for none."""
        return unix_ms(self.spec.event_start_time)
