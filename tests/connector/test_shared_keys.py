"""HS256: a service and a shop that share secrets, handed over by `holdfast keys shared`."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest
from support.api_client import Api, create
from support.connector.storefronts import COOKIE_SECRET, SHOP, asgi_ask
from support.service.forked_command import run
from support.service.running import Service, serving

from holdfast_connector import Gate, Settings, SharedKeys

HS256 = {"HOLDFAST_PASS_ALGORITHM": "HS256"}


def keys_shared(data_dir: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith("HOLDFAST_")}
    return run("keys", "shared", "--data-dir", str(data_dir), environ={**clean, **environ})


@pytest.fixture
def hs256_service(tmp_path: Path) -> Iterator[Service]:
    with serving(tmp_path / "data", **HS256) as running:
        yield running


async def test_shop_with_the_shared_keys_takes_a_handoff_and_without_them_none(
    hs256_service: Service, http: aiohttp.ClientSession
) -> None:
    operator = Api(http, hs256_service.url, hs256_service.operator_key)
    await create(operator, "gala", return_origins=[SHOP])
    printed = keys_shared(hs256_service.data_dir, **HS256).stdout
    assert {key["alg"] for key in json.loads(printed)["keys"]} == {"HS256"}
    for shared, enters in ((None, False), (SharedKeys.from_jwks(printed), True)):
        ticket = await operator.as_(None).join("gala")
        claimed = await operator.as_(None).post(
            "/v1/sales/gala/pass", {"return_url": f"{SHOP}/"}, **{"Holdfast-Ticket": ticket}
        )
        settings = Settings(
            service_url=hs256_service.url,
            shop_url=SHOP,
            sale="gala",
            cookie_secrets=(COOKIE_SECRET,),
            shared_keys=shared,
        )
        answer = await asgi_ask(Gate(settings))(claimed.body["redirect_to"].removeprefix(SHOP))
        assert bool(answer.all("Set-Cookie")) is enters, answer


def test_nothing_is_handed_over_while_keys_are_public(tmp_path: Path) -> None:
    done = keys_shared(tmp_path / "data")
    assert done.returncode != 0
    assert "EdDSA" in done.stderr
    assert done.stdout == ""
