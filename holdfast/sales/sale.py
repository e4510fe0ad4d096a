"""One sale as this process has it: what the ledger says, and the room and hall that work on it."""

from dataclasses import dataclass, field

from holdfast.sales.spec import SaleSpec
from holdfast_inventory.holds.sale_inventory import Hall
from holdfast_ledger import Checkpoint, SaleRecord
from holdfast_lua.calls.guard import SaleRef
from holdfast_queue.line.room import Room
from holdfast_web.timestamps import unix_ms


@dataclass
class Sale:
    """Shared by every request of the process; `room` and `hall` share its `ref`."""

    record: SaleRecord
    spec: SaleSpec
    ref: SaleRef
    room: Room
    hall: Hall
    let_out: set[str] = field(default_factory=set)
    """Channels of which this process knows that the store has released them."""
    checkpoint: Checkpoint | None = None
    """The last one that this process has written."""
    asked: bool = False
    """Whether somebody has asked for it since its last step."""

    @property
    def name(self) -> str:
        """The name in every URL."""
        return self.record.name

    @property
    def uid(self) -> str:
        """What distinguishes it from an earlier sale of the same name."""
        return self.record.uid

    @property
    def opens_ms(self) -> int:
        """The start that the ledger has, in ms of store time; 0 for none."""
        return unix_ms(self.spec.event_start_time)
