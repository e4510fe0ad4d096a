"""What service and connector each spell for themselves agrees: the connector is installed alone."""

import re

from holdfast.sales.directory import SALE_NAME
from holdfast_connector import contract
from holdfast_connector import settings as connector_settings
from holdfast_connector.fetching import Request, Response
from holdfast_connector.service import Service
from holdfast_connector.tokens.base64url import decode_base64url, encode_base64url
from holdfast_connector.tokens.sessions import Session
from holdfast_connector.tokens.verifier import Handoff
from holdfast_web import credentials
from holdfast_web.paths import sale_path
from holdfast_web.timestamps import timestamp

ENDS_MS = 1_772_355_600_500
HANDOFF = Handoff("h1", "gala", "p1", "buyer", ENDS_MS // 1000, ENDS_MS // 1000)
SESSION = Session("gala", "p1", "buyer", ENDS_MS // 1000, "token")


def test_connector_calls_the_path_of_the_sale_that_the_service_serves() -> None:
    asked: list[str] = []

    def fetch(request: Request) -> Response:
        asked.append(request.url)
        return Response(204)

    Service("https://wait.example", "gala", fetch).release(SESSION)
    assert asked == [f"https://wait.example{sale_path('gala')}/pass/release"]


def test_connector_reads_the_timestamps_that_the_service_writes() -> None:
    body = f'{{"pass": "token", "pass_id": "p1", "expires_at": "{timestamp(ENDS_MS)}"}}'
    service = Service("https://wait.example", "gala", lambda _: Response(200, body.encode()))
    session = service.exchange("token", HANDOFF, "https://shop.example")
    assert session.expires_at == ENDS_MS // 1000


def test_bearer_tokens_are_bounded_as_passes_are() -> None:
    assert credentials.MAX_TOKEN_CHARS == contract.MAX_TOKEN_CHARS


def test_connector_takes_the_names_of_sales_that_the_service_gives() -> None:
    assert connector_settings._SALE.pattern == SALE_NAME.pattern


def test_base64url_is_written_without_padding_and_read_back() -> None:
    for size in range(5):
        text = encode_base64url(bytes(range(250, 250 + size)))
        assert re.fullmatch(r"[A-Za-z0-9_-]*", text)
        assert decode_base64url(text) == bytes(range(250, 250 + size))
