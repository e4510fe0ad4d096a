"""Signing in by an identity provider: an issuer over real HTTP, and one whole sign-in."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest
from msgspec.structs import replace
from support.console_browser import CONSOLE, ConsoleBrowser
from support.oidc_issuer import CLIENT_ID, CLIENT_SECRET, Issuer, run_issuer
from support.service.running import serving

from holdfast.config import Config, ConfigError
from holdfast.identity_provider import identity_provider
from holdfast_console.attempts import FAILURES_MAX
from holdfast_console.http.screens import person_key
from holdfast_console.identity_provider import (
    PENDING_SECONDS,
    IdentityProvider,
    PendingSignIn,
    SignInRefused,
)
from holdfast_console.sessions import Person
from holdfast_ledger.database.schema import KEY_ID_LENGTH

PROVIDER = f"{CONSOLE}/sign-in/provider"
ROLES = ("operators=operator", "press=viewer")


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    async with run_issuer() as running:
        yield running


def config(issuer: str | None, **more: Any) -> Config:
    settings = {"oidc_client_id": CLIENT_ID, "oidc_client_secret": CLIENT_SECRET, **more}
    return Config(
        public_url="http://127.0.0.1:8080", oidc_issuer=issuer, oidc_roles=ROLES, **settings
    )


@pytest.fixture
def provider(issuer: Issuer) -> IdentityProvider:
    made = identity_provider(config(issuer.url))
    assert made is not None
    return made


async def at_the_issuer(
    provider: IdentityProvider, http: aiohttp.ClientSession
) -> tuple[PendingSignIn, str, str]:
    """What was begun, and the state and the code that come back."""
    url, pending = await provider.begin(CONSOLE)
    async with http.get(url, allow_redirects=False) as answer:
        query = parse_qs(urlsplit(answer.headers["Location"]).query)
    return pending, query["state"][0], query["code"][0]


async def test_code_becomes_a_person_with_the_highest_role(
    provider: IdentityProvider, issuer: Issuer, http: aiohttp.ClientSession
) -> None:
    issuer.claims = {"groups": ["press", "operators"]}
    assert await provider.finish(*await at_the_issuer(provider, http)) == Person(
        "u-1", "Ann <b>", 3
    )
    issuer.claims = {"groups": "press"}
    assert (await provider.finish(*await at_the_issuer(provider, http))).role == 1


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://evil.example"},
        {"aud": "another"},
        {"aud": [CLIENT_ID, "another"], "azp": "another"},
        {"exp": 1},
        {"iat": 4_000_000_000},
        {"nonce": "another"},
        {"nonce": None},
        {"groups": ["staff"]},
        {"groups": None},
        {"groups": []},
    ],
    ids=str,
)
async def test_claims_that_are_not_right_let_nobody_in(
    claims: dict[str, Any], provider: IdentityProvider, issuer: Issuer, http: aiohttp.ClientSession
) -> None:
    issuer.claims = claims
    with pytest.raises(SignInRefused):
        await provider.finish(*await at_the_issuer(provider, http))
    assert len(issuer.exchanged) == 1


@pytest.mark.parametrize("signs", ["other", "secret", "none"])
async def test_signature_that_is_not_the_issuers_lets_nobody_in(
    signs: str, provider: IdentityProvider, issuer: Issuer, http: aiohttp.ClientSession
) -> None:
    issuer.signs = signs
    with pytest.raises(SignInRefused, match="ID token"):
        await provider.finish(*await at_the_issuer(provider, http))


def test_key_of_a_person_fits_the_ledger_and_is_theirs_alone() -> None:
    """A subject may have 255 characters, and what the audit has of it is bounded."""
    subjects = ["u-1", "a" * 57, "a" * 58, "a" * 254 + "b", "a" * 255]
    keys = [person_key(Person(subject, "Ann", 1)).id for subject in subjects]
    assert keys[:2] == ["person:u-1", "person:" + "a" * 57]
    assert max(map(len, keys)) <= KEY_ID_LENGTH
    assert len(set(keys)) == len(subjects)


async def test_long_subject_is_kept_whole(
    provider: IdentityProvider, issuer: Issuer, http: aiohttp.ClientSession
) -> None:
    issuer.claims = {"groups": ["press"], "sub": "a" * 255}
    assert (await provider.finish(*await at_the_issuer(provider, http))).subject == "a" * 255
    issuer.claims = {"groups": ["press"], "sub": "a" * 256}
    with pytest.raises(SignInRefused, match="subject"):
        await provider.finish(*await at_the_issuer(provider, http))


async def test_code_counts_only_with_what_was_begun(
    provider: IdentityProvider, issuer: Issuer, http: aiohttp.ClientSession
) -> None:
    pending, state, code = await at_the_issuer(provider, http)
    with pytest.raises(SignInRefused, match="state"):
        await provider.finish(pending, "other", code)
    late = replace(pending, began_at=int(time.time()) - PENDING_SECONDS)
    with pytest.raises(SignInRefused, match="too long"):
        await provider.finish(late, state, code)
    assert issuer.exchanged == []
    stolen, stolen_state, _ = await at_the_issuer(provider, http)
    with pytest.raises(SignInRefused, match="exchanged"):
        await provider.finish(stolen, stolen_state, code)
    assert issuer.exchanged == []


def test_settings_that_do_not_fit_together_are_refused() -> None:
    assert identity_provider(config(None)) is None
    for wrong in (
        config("http://issuer.example"),
        config("https://issuer.example", oidc_client_id=None),
    ):
        with pytest.raises(ConfigError):
            identity_provider(wrong)
    for entry in ("operators", "=operator", "operators=owner"):
        wrong = Config(oidc_issuer="https://a.example", oidc_client_id="x", oidc_roles=(entry,))
        with pytest.raises(ConfigError, match="oidc_roles"):
            identity_provider(wrong)


async def test_person_signs_in_and_works_with_their_role(
    issuer: Issuer, http: aiohttp.ClientSession, tmp_path: Path
) -> None:
    with serving(
        tmp_path / "data",
        HOLDFAST_OIDC_ISSUER=issuer.url,
        HOLDFAST_OIDC_CLIENT_ID=CLIENT_ID,
        HOLDFAST_OIDC_CLIENT_SECRET=CLIENT_SECRET,
        HOLDFAST_OIDC_ROLES=",".join(ROLES),
    ) as service:
        browser = ConsoleBrowser(http, service.url)
        assert PROVIDER in (await browser.get(f"{CONSOLE}/sign-in")).text
        sent = await browser.get(f"{PROVIDER}?next=https://evil.example")
        assert "SameSite=Lax" in sent.headers["Set-Cookie"]
        async with http.get(sent.location, allow_redirects=False) as answer:
            back = urlsplit(answer.headers["Location"])
        callback = f"{back.path}?{back.query}"
        other = ConsoleBrowser(http, service.url)
        assert (await other.get(callback)).status == 403
        entered = await browser.get(callback)
        assert entered.status == 200
        assert f'content="0;url={CONSOLE}"' in entered.text
        page = await browser.get()
        assert "Ann &lt;b&gt;" in page.text
        assert re.search(r'class="role">operator<', page.text)
        assert (await browser.get(callback)).status == 403
        assert CLIENT_SECRET not in service.text
        assert issuer.exchanged[0]["code"] not in service.text
        for tries in range(FAILURES_MAX + 1):
            sent = await other.get(PROVIDER)
            [state] = parse_qs(urlsplit(sent.location).query)["state"]
            page = await other.get(f"{back.path}?code=wrong&state={state}")
            assert page.status == (403 if tries < FAILURES_MAX else 429)
        assert issuer.refused == FAILURES_MAX
        assert int(page.headers["Retry-After"]) > 0
