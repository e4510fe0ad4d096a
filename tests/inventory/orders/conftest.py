"""Orders on a real store and each of the three databases."""

from support.ledger.fixtures import (
    ledger,
    ledger_url,
    open_ledger,
    sale,
    shop,
    shop_ledger,
)

__all__ = ["ledger", "ledger_url", "open_ledger", "sale", "shop", "shop_ledger"]
