"""Where the API's resources are. The connector, which a shop installs alone, spells its own copy;
a test compares both.
"""

from typing import Final

SALES: Final = "/v1/sales"
SALE: Final = SALES + "/{sale}"
"""The pattern of a sale's address, as routes and metrics have it."""


def sale_path(name: str) -> str:
    """The address of the sale with this name."""
    return f"{SALES}/{name}"
