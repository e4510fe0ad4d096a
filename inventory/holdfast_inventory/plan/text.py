"""The text of a seating plan that comes in, brought to the rule that all text is held to.

A plan is kept as it was sent, byte for byte, whenever its text is clean already; else it is written
anew with its text in normal form. Names and numbers, which tickets and holds repeat, are one line;
what is drawn or unknown to us may have several. This is for plans that come in: what the ledger has
kept is compiled as it is.
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
    """The plan with clean text, or 400 `invalid_plan` naming where it is not. Takes a while for a
    large one: not for the event loop.
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
