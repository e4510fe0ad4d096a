"""Who may read /metrics: this machine, API keys, and everybody only when a setting says so."""

import aiohttp
import pytest
from support.api_client import make_key
from support.service.running import Service, StartService

PASSED_ON = [
    {"X-Forwarded-For": "198.51.100.7"},
    {"X-Forwarded-For": "127.0.0.1"},
    {"Forwarded": "for=198.51.100.7"},
    {"Via": "1.1 proxy"},
    {"X-Real-IP": "198.51.100.7"},
]


async def scraped(http: aiohttp.ClientSession, service: Service, **headers: str) -> int:
    async with http.get(f"{service.url}/metrics", headers=headers) as answer:
        text = await answer.text()
        assert ("holdfast_open_streams" in text) is (answer.status == 200)
        return answer.status


async def test_numbers_are_for_this_machine_and_for_keys(
    start_service: StartService, http: aiohttp.ClientSession
) -> None:
    service = start_service(HOLDFAST_TRUSTED_PROXIES="127.0.0.0/8")
    assert await scraped(http, service) == 200
    viewer = {"Authorization": f"Bearer {make_key(service, 'viewer')}"}
    for passed_on in PASSED_ON:
        assert await scraped(http, service, **passed_on) == 401, passed_on
        assert await scraped(http, service, **passed_on, Authorization="Bearer x") == 401
        assert await scraped(http, service, **passed_on, **viewer) == 200


async def test_numbers_are_for_everybody_when_set_so(
    start_service: StartService, http: aiohttp.ClientSession
) -> None:
    service = start_service(HOLDFAST_METRICS_ACCESS="public")
    assert await scraped(http, service, **PASSED_ON[0]) == 200


def test_an_access_that_is_none_is_refused(start_service: StartService) -> None:
    with pytest.raises(AssertionError, match="setting metrics_access"):
        start_service(HOLDFAST_METRICS_ACCESS="private")
