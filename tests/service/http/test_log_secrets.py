"""No credential reaches the log of a real service, however the request that brings it is broken."""

import asyncio
import json
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import aiohttp
import jwt
import pytest
from support.api_client import NIGHT, Api, make_key
from support.service.running import Service, StartService

SHOP = "https://shop.example"
FRAGMENT_CHARS = 12


async def credentials(service: Service, http: aiohttp.ClientSession) -> dict[str, str]:
    """One of each kind, all of them real."""
    operator = Api(http, service.url, service.operator_key)
    made = await operator.put(
        "/v1/sales/night", {**NIGHT, "return_origins": [SHOP], "identity": "optional"}
    )
    assert made.status == 201, made
    visitor = operator.as_(None)
    ticket = await visitor.join("night")
    claimed = await visitor.call(
        "POST", "/v1/sales/night/pass", {"return_url": f"{SHOP}/"}, {"Holdfast-Ticket": ticket}
    )
    assert claimed.status == 201, claimed
    [handoff] = parse_qs(urlsplit(claimed.body["redirect_to"]).query).popitem()[1]
    platform = make_key(service, "platform")
    signing = (await operator.as_(platform).get("/v1/sales/night/identity-key")).body
    claims = {"aud": "night", "sub": "ann", "iat": 0, "exp": 600}
    return {
        "operator key": service.operator_key,
        "platform key": platform,
        "viewer key": make_key(service, "viewer"),
        "ticket": ticket,
        "pass": claimed.body["pass"],
        "hand-off": handoff,
        "identity": jwt.encode(claims, signing["key"], "HS256", {"kid": signing["kid"]}),
        "identity key": signing["key"],
        "secret": (service.data_dir / "secret").read_text().strip(),
    }


def broken(secret: str) -> Iterator[bytes]:
    """Requests that the parser rejects, with `secret` in a header, cookie, query and path."""
    kept = secret.encode()
    places = (
        (b"GET /v1/sales/night/status", b"Authorization: Bearer " + kept),
        (b"GET /v1/sales/night/status", b"Holdfast-Ticket: " + kept),
        (b"GET /v1/sales/night/status", b"Cookie: holdfast_night=" + kept),
        (b"GET /wait/night?t=x&identity=" + kept, b"X: y"),
        (b"GET /wait/" + kept, b"X: y"),
    )
    for line, header in places:
        for flaw in (b"\x00", b"\x01", b"\x7f", b"\xc3\xa9", b"x" * 9000):
            in_query = b"X:" in header
            yield b"%b%b HTTP/1.1\r\nHost: a\r\n%b%b\r\n\r\n" % (
                line,
                flaw if in_query else b"",
                header,
                b"" if in_query else flaw,
            )


async def ask(service: Service, request: bytes) -> int:
    """The status of the answer; its body, if it has one, is read to the end."""
    parts = urlsplit(service.url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    writer.write(request[:-2] + b"Connection: close\r\n\r\n")
    async with asyncio.timeout(20):
        answered = await reader.read()
    writer.close()
    return int(answered.split(b" ", 2)[1])


@pytest.mark.parametrize(("level", "form"), [("info", "text"), ("debug", "json")])
async def test_no_credential_is_in_the_log(
    start_service: StartService, http: aiohttp.ClientSession, level: str, form: str
) -> None:
    service = start_service(HOLDFAST_LOG_LEVEL=level, HOLDFAST_LOG_FORMAT=form)
    secrets = await credentials(service, http)
    assert len(set(secrets.values())) == 9
    statuses = [
        await asyncio.gather(*(ask(service, request) for request in broken(secret)))
        for secret in secrets.values()
    ]
    refused = sum(status == 400 for each in statuses for status in each)
    assert refused >= 9 * 15  # the others are odd, but HTTP
    assert service.stop() == 0
    log = service.text
    assert "rejected since the last such line" in log
    assert log.count("rejected since") < 10
    assert "Traceback" not in log
    objects = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    assert bool(objects) is (form == "json")
    assert all(line["level"] in {"debug", "info", "warning"} for line in objects)
    for kind, secret in secrets.items():
        parts = [secret[at : at + FRAGMENT_CHARS] for at in range(len(secret) - FRAGMENT_CHARS)]
        assert not [part for part in parts if part in log], kind
