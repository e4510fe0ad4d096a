"""Writes amounts of money, which the service counts in minor units, in their currency.

How many minor units make a unit is ISO 4217's to say: 100 for most, but the yen has none and the
dinar of Kuwait has 1,000. Source of the table: ISO 4217, list one, published by SIX
(https://www.six-group.com/en/products-services/financial-information/data-standards.html).
The pages' scripts are given the same digits and symbol, so that a price on the map, in the cart and
on the receipt is written alike.

Rejected: what CLDR says, and with it `Intl.NumberFormat` and Babel. It tells the digits in everyday
use, which are fewer than ISO's for a dozen currencies (Lebanon's pound: none instead of 2), and a
payment provider who counts in ISO's minor units would be understood wrongly by a factor of 100.
"""

from dataclasses import dataclass
from typing import Final, Self

USUAL_DIGITS: Final = 2
OTHER_DIGITS: Final[dict[str, int]] = {
    "BIF": 0, "CLP": 0, "DJF": 0, "GNF": 0, "ISK": 0, "JPY": 0, "KMF": 0, "KRW": 0, "PYG": 0,
    "RWF": 0, "UGX": 0, "UYI": 0, "VND": 0, "VUV": 0, "XAF": 0, "XOF": 0, "XPF": 0,
    "BHD": 3, "IQD": 3, "JOD": 3, "KWD": 3, "LYD": 3, "OMR": 3, "TND": 3,
    "CLF": 4, "UYW": 4,
}  # fmt: skip
SYMBOLS: Final = {"EUR": "€", "USD": "$", "GBP": "£", "JPY": "¥"}


@dataclass(frozen=True, slots=True)
class Currency:
    """How amounts of one currency are written."""

    digits: int
    symbol: str

    @classmethod
    def of(cls, code: str) -> Self:
        """The currency of an ISO 4217 code, which stands in front where there is no symbol."""
        symbol = SYMBOLS.get(code, f"{code}\N{NO-BREAK SPACE}")
        return cls(OTHER_DIGITS.get(code, USUAL_DIGITS), symbol)

    def format(self, minor: int) -> str:
        """`minor` units as a buyer reads them: `€1,234.50`."""
        units, rest = divmod(minor, 10**self.digits)
        fraction = f".{rest:0{self.digits}}" if self.digits else ""
        return f"{self.symbol}{units:,}{fraction}"
