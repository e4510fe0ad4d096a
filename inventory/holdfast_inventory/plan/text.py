"""Normalises the text of an imported seating plan.

A plan whose text is clean is kept byte for byte as it was sent; else it is encoded anew with its
text in normal form. Names and numbers, which tickets and holds repeat, are one line; drawn and
unknown fields may have several. This is for imports: a plan in the ledger is compiled as it is.
"""

from __future__ import annotations

import re
from typing import Any, Final
from unicodedata import is_normalized

import msgspec

from holdfast_inventory.plan.pretix import plan_error
from holdfast_web.errors import HoldfastError
from holdfast_web.request.text import clean_text, is_plain, without_bom

ONE_LINE: Final = frozenset(
    {"seat_guid", "seat_number", "category", "row_number", "zone_id", "name"}
)
_CONTROLS: Final = re.compile("[\x7f-\x9f]")


def clean_plan(plan: bytes) -> bytes:
    """The plan with clean text; 400 `invalid_plan` that names the path of text that is refused.

    Slow for a large plan: not to be called on the event loop.
    """
    body = bytes(without_bom(plan))
    if is_plain(body):
        return body
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise plan_error("$", f"not UTF-8: {error}") from None
    if "\\" not in text and is_normalized("NFC", text) and _CONTROLS.search(text) is None:
        return body
    try:
        whole = msgspec.json.decode(body)
        clean = _clean(whole, "", "")
        return body if clean == whole else msgspec.json.encode(clean)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise plan_error("$", f"not JSON: {error}") from None
    except RecursionError:
        raise plan_error("$", "nested too deeply") from None


def _clean(value: Any, path: str, name: str) -> Any:
    if isinstance(value, str):
        return _clean_text(value, path or "$", multiline=name not in ONE_LINE)
    if isinstance(value, list):
        return [_clean(item, f"{path}[{at}]", name) for at, item in enumerate(value)]
    if isinstance(value, dict):
        return {
            _clean_text(key, path or "$"): _clean(item, f"{path}.{key}" if path else key, key)
            for key, item in value.items()
        }
    return value


def _clean_text(text: str, path: str, *, multiline: bool = False) -> str:
    try:
        return clean_text(text, path, multiline=multiline)
    except HoldfastError as error:
        raise plan_error(path, error.detail.removeprefix(f"{path}: ")) from None
