"""Amounts of money: as many digits as the currency has minor units, alike wherever they stand."""

from __future__ import annotations

import aiohttp
import pytest
from playwright.async_api import Page, expect
from support.pages.open_shop import PRICES, open_shop
from support.pages.shop_visit import hold_best, pay, walk_in
from support.service.running import Service

from holdfast_web.money import OTHER_DIGITS, Currency

SPACE = "\N{NO-BREAK SPACE}"
# ISO 4217 counts 1,000 fils to the dinar of Iraq; CLDR, which browsers ask, shows none of them.
CLDR_SHOWS_FEWER = {"IQD"}


@pytest.mark.parametrize(
    ("code", "minor", "written"),
    [
        ("EUR", 123_450, "€1,234.50"),
        ("EUR", 5, "€0.05"),
        ("JPY", 1_234_567, "¥1,234,567"),
        ("KWD", 4_500, f"KWD{SPACE}4.500"),
        ("CLF", 10_001, f"CLF{SPACE}1.0001"),
        ("XYZ", 100, f"XYZ{SPACE}1.00"),
    ],
)
def test_amount_has_the_digits_of_its_currency(code: str, minor: int, written: str) -> None:
    assert Currency.of(code).format(minor) == written


async def test_table_agrees_with_the_browser(page: Page) -> None:
    codes = sorted(OTHER_DIGITS.keys() - CLDR_SHOWS_FEWER)
    digits = await page.evaluate(
        "codes => codes.map(currency => new Intl.NumberFormat('en', {style: 'currency', currency})"
        ".resolvedOptions().maximumFractionDigits)",
        codes,
    )
    assert dict(zip(codes, digits, strict=True)) == {code: OTHER_DIGITS[code] for code in codes}


WRITTEN = {
    "JPY": ("¥9,500", "¥19,000"),
    "KWD": (f"KWD{SPACE}9.500", f"KWD{SPACE}19.000"),
}


@pytest.mark.parametrize("code", WRITTEN)
async def test_price_is_written_alike_on_map_cart_payment_and_receipt(
    code: str, service: Service, http: aiohttp.ClientSession, page: Page
) -> None:
    one, two = WRITTEN[code]
    prices = dict.fromkeys(PRICES, 9_500)
    async with open_shop(service, http, currency=code, prices=prices) as store:
        await walk_in(page, store)
        await expect(page.locator("#categories")).to_contain_text(one)
        await expect(page.locator("#area-list")).to_contain_text(one)
        await expect(page.locator("#category")).to_contain_text(one)
        await hold_best(page)
        await expect(page.locator(".hold .total")).to_contain_text(two)
        await page.locator(".hold .button").click()
        await expect(page.locator("#payment-amount")).to_have_text(two)
        await page.locator("#payment .plain").click()
        await pay(page)
        await expect(page.locator(".total")).to_contain_text(two)
        await expect(page.locator(".order")).to_contain_text(one)
