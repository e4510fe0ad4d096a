"""The request bodies in docs/api.md: every one there is, each as the service reads it."""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec
import pytest
from support.fuzz.targets import TARGETS, S

from holdfast.sales.directory import SALE_NAME
from holdfast.sales.spec import SaleBody, copied_spec, patched_spec, split_body
from holdfast_inventory.plan.plan import compile_plan
from holdfast_inventory.settings import InventorySettings
from holdfast_web.request.body import decode_json

API: Final = Path(__file__).resolve().parents[3] / "docs" / "api.md"
_BODY: Final = re.compile(
    r"^`(?P<method>[A-Z]+) (?P<path>/\S+)`:(?P<rest>(?:(?!^`[A-Z]+ /).*\n)+)", re.MULTILINE
)
_JSON: Final = re.compile(r"```json\n(.*?)```", re.DOTALL)


def examples() -> list[tuple[str, str, bytes]]:
    section = API.read_text(encoding="utf-8").partition("### Request bodies\n")[2]
    section = section.partition("\n### ")[0]
    return [
        (found["method"], found["path"], text.encode())
        for found in _BODY.finditer(section)
        for text in _JSON.findall(found["rest"])
    ]


def test_every_body_has_an_example() -> None:
    with_bodies = {route for route, target in TARGETS.items() if target.shape is not None}
    assert {(method, path) for method, path, _ in examples()} == with_bodies


@pytest.mark.parametrize(("method", "path", "text"), examples())
def test_example_is_a_body_that_the_service_reads(method: str, path: str, text: bytes) -> None:
    if (method, path) == ("PATCH", S):
        spec = split_body(decode_json(b'{"name": "x", "prices": {"A": 1}}', SaleBody))[0]
        assert patched_spec(spec, msgspec.json.decode(text)) != spec
    elif path.endswith("/copy"):
        spec = split_body(decode_json(b'{"name": "x", "prices": {"A": 1}}', SaleBody))[0]
        changes = msgspec.json.decode(text)
        assert SALE_NAME.fullmatch(changes.pop("to"))
        assert copied_spec(spec, changes, datetime.now(UTC)) != spec
    elif path.endswith("/plan"):
        assert len(compile_plan(text, InventorySettings())) > 0
    else:
        shape = TARGETS[method, path].shape
        assert shape is not None
        body = decode_json(text, shape)
        if isinstance(body, SaleBody):
            assert len(compile_plan(split_body(body)[1], InventorySettings())) > 0
