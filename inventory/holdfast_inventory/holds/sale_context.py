"""What selling needs of one sale: its inventory in this process, and the ledger."""

from dataclasses import dataclass

from holdfast_inventory.holds.sale_inventory import SaleInventory
from holdfast_ledger import Ledger


@dataclass(frozen=True, slots=True)
class SaleContext:
    """The inventory of one sale and the ledger of all."""

    inventory: SaleInventory
    ledger: Ledger
