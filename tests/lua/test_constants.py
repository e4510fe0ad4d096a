"""Numbers and layouts that the service and the scripts share are used."""

import re

import pytest

from holdfast_lua.bundle.loader import LUA_DIR
from holdfast_lua.bundle.substitutes import LAYOUTS, NUMBERS

_LUA = "\n".join(path.read_text(encoding="utf-8") for path in LUA_DIR.rglob("*.lua"))


@pytest.mark.parametrize("name", NUMBERS["CONST"])
def test_constant_is_used_by_a_script(name: str) -> None:
    assert re.search(rf"\bCONST\.{name}\b", _LUA)


@pytest.mark.parametrize("name", LAYOUTS)
def test_layout_is_used_by_a_script(name: str) -> None:
    assert re.search(rf"\b{name}\.\w", _LUA)
