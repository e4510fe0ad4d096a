"""The routes of the service: each once, and each in the documents."""

import re
from collections import Counter
from pathlib import Path
from typing import Final

import pytest

from holdfast.config import Config
from holdfast.http.app import create_app

API: Final = Path(__file__).resolve().parents[3] / "docs" / "api.md"
_ROW: Final = re.compile(r"^\| `([A-Z]+)` \| `(/[^`]*)` \|", re.MULTILINE)


@pytest.fixture(scope="module")
def routes() -> list[tuple[str, str]]:
    """Method and pattern of every route, of an application that is never started."""
    config = Config(
        public_url="http://127.0.0.1:8080",
        store_url="redis://127.0.0.1",
        ledger_url="sqlite://",
        secret="secret-" * 8,
        operator_key="key-" * 8,
    )
    return [
        (route.method, route.resource.canonical)
        for route in create_app(config).router.routes()
        if route.resource is not None and route.method not in {"HEAD", "OPTIONS", "*"}
    ]


def test_no_route_is_registered_twice(routes: list[tuple[str, str]]) -> None:
    assert [route for route, times in Counter(routes).items() if times > 1] == []


def test_every_route_is_documented_and_nothing_else(routes: list[tuple[str, str]]) -> None:
    assert set(_ROW.findall(API.read_text(encoding="utf-8"))) == set(routes)
