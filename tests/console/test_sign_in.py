"""Signing in and out: sessions over HTTP, and who is kept out."""

from __future__ import annotations

import asyncio
import time

import aiohttp
import pytest
from support.api_client import keys_command, make_key
from support.console_browser import CONSOLE, ConsoleBrowser
from support.service.running import Service

from holdfast.api_keys import CACHE_SECONDS
from holdfast_console.attempts import FAILURES_MAX
from holdfast_console.http.forms import FORM_BYTES
from holdfast_console.http.sign_in import safe_next
from holdfast_console.sessions import ConsoleSession, Person, SessionCodec, new_session
from holdfast_web.keyring import Keyring

OUT = f"{CONSOLE}/sign-out"


async def test_who_is_not_signed_in_is_sent_to_sign_in(stranger: ConsoleBrowser) -> None:
    for path in (CONSOLE, f"{CONSOLE}/log?action=sale.patch"):
        page = await stranger.get(path)
        assert page.status == 303
        assert page.location.startswith(f"{CONSOLE}/sign-in")
    assert "next=%2Fconsole%2Flog%3Faction%3Dsale.patch" in page.location


async def test_key_opens_the_console_and_signing_out_closes_it(
    service: Service, stranger: ConsoleBrowser
) -> None:
    entered = await stranger.sign_in(service.operator_key, f"{CONSOLE}/nowhere")
    assert (entered.status, entered.location) == (303, f"{CONSOLE}/nowhere")
    cookie = entered.headers["Set-Cookie"]
    assert "; HttpOnly; SameSite=Strict; Path=/console" in cookie
    assert service.operator_key not in cookie
    assert (await stranger.get()).status == 200
    left = await stranger.post(OUT, {})
    assert (left.status, left.location) == (303, f"{CONSOLE}/sign-in")
    assert "Max-Age=0" in left.headers["Set-Cookie"]
    assert (await stranger.get()).status == 303


async def test_cookie_is_bound_to_the_host_behind_tls(
    service: Service, stranger: ConsoleBrowser
) -> None:
    stranger.headers["X-Forwarded-Proto"] = "https"
    cookie = (await stranger.sign_in(service.operator_key)).headers["Set-Cookie"]
    assert cookie.startswith("__Host-holdfast_console=")
    assert cookie.endswith("; HttpOnly; SameSite=Strict; Path=/; Secure")
    assert (await stranger.get()).status == 200
    del stranger.headers["X-Forwarded-Proto"]
    assert (await stranger.get()).status == 303


async def test_wrong_keys_are_refused_and_then_limited_by_address(
    service: Service, stranger: ConsoleBrowser
) -> None:
    stranger.headers["X-Forwarded-For"] = "203.0.113.7"
    for key in ("wrong", "", "é", "k" * 5000, *["wrong"] * (FAILURES_MAX - 4)):
        page = await stranger.sign_in(key)
        assert page.status == 401, key
        assert "Set-Cookie" not in page.headers
    page = await stranger.sign_in(service.operator_key)
    assert page.status == 429
    assert 0 < int(page.headers["Retry-After"]) <= 301
    stranger.headers["X-Forwarded-For"] = "203.0.113.8"
    assert (await stranger.sign_in(service.operator_key)).status == 303


async def test_key_that_is_revoked_ends_its_sessions(
    service: Service, stranger: ConsoleBrowser
) -> None:
    key = make_key(service, "viewer")
    assert (await stranger.sign_in(key)).status == 303
    assert (await stranger.get()).status == 200
    listed = keys_command(service, "list")
    key_id = next(line.split()[0] for line in listed.splitlines() if "test-viewer" in line)
    keys_command(service, "revoke", key_id)
    async with asyncio.timeout(CACHE_SECONDS + 10):
        while (page := await stranger.get()).status != 303:
            assert page.status == 200


async def test_form_without_the_token_of_the_session_does_nothing(browser: ConsoleBrowser) -> None:
    for token in ("", "x", "0" * 22):
        page = await browser.ask("POST", OUT, {"csrf": token})
        assert page.status == 403
        assert "Set-Cookie" not in page.headers
    assert (await browser.get()).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Sec_Fetch_Site": "none"},
    ],
)
async def test_form_of_another_site_does_nothing(
    browser: ConsoleBrowser, service: Service, headers: dict[str, str]
) -> None:
    assert (await browser.post(OUT, {}, **headers)).status == 403
    form = {"key": service.operator_key}
    assert (await browser.ask("POST", f"{CONSOLE}/sign-in", form, **headers)).status == 403
    assert (await browser.get()).status == 200


async def test_action_without_the_token_is_refused(browser: ConsoleBrowser) -> None:
    page = await browser.ask("POST", CONSOLE, {"do": "archive", "sale": "any", "csrf": "x"})
    assert page.status == 403
    assert 'role="alert"' in page.text


async def test_link_from_elsewhere_signs_nobody_out(stranger: ConsoleBrowser) -> None:
    """Browsers send no Strict cookie then, but those of other pages of the host."""
    stranger.cookie = "of_another_page=1"
    page = await stranger.get()
    assert page.status == 303
    assert "Set-Cookie" not in page.headers
    stranger.cookie = "holdfast_console=over"
    assert "Max-Age=0" in (await stranger.get()).headers["Set-Cookie"]


@pytest.mark.parametrize("path", [f"{CONSOLE}/sign-in", OUT])
async def test_file_of_a_stranger_is_not_read(
    service: Service, http: aiohttp.ClientSession, path: str
) -> None:
    form = aiohttp.FormData()
    form.add_field("file", bytes(FORM_BYTES + 1), filename="a")
    async with http.post(service.url + path, data=form) as answer:
        assert answer.status == 413


async def test_person_is_nobody_without_a_provider(
    service: Service, stranger: ConsoleBrowser
) -> None:
    codec = SessionCodec(Keyring((service.data_dir / "secret").read_text().strip()))
    session = new_session(int(time.time()), person=Person("u-1", "Ann", 3))
    stranger.cookie = f"holdfast_console={codec.seal(session)}"
    page = await stranger.get()
    assert (page.status, page.location) == (303, f"{CONSOLE}/sign-in")


@pytest.mark.parametrize("target", [CONSOLE, f"{CONSOLE}/sales/a?x=1", f"{CONSOLE}?lang=en"])
def test_way_on_is_kept(target: str) -> None:
    assert safe_next(target) == target


@pytest.mark.parametrize(
    "target",
    [
        "",
        "/",
        "//evil.example/console",
        "https://evil.example/console",
        "/\\evil.example",
        "/consolevil",
        "/console/../v1",
        "/console/\r\nSet-Cookie: a=b",
        "/console/é",
        "/console/" + "a" * 600,
    ],
)
async def test_way_on_leads_nowhere_but_into_the_console(
    target: str, service: Service, stranger: ConsoleBrowser
) -> None:
    assert safe_next(target) == CONSOLE
    assert (await stranger.sign_in(service.operator_key, target)).location == CONSOLE


async def test_no_page_may_be_framed_or_run_what_is_not_ours(browser: ConsoleBrowser) -> None:
    for path in (CONSOLE, f"{CONSOLE}/sign-in?lang=en", f"{CONSOLE}/nowhere", "/"):
        page = await browser.get(path)
        policy = page.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
        assert "frame-ancestors 'none'" in policy
        assert "require-trusted-types-for 'script'" in policy
        assert page.headers["X-Frame-Options"] == "DENY"
        assert page.headers["Cache-Control"] == "no-store"
        assert "<style" not in page.text
        assert " style=" not in page.text


async def test_language_is_the_browsers_until_another_is_chosen(browser: ConsoleBrowser) -> None:
    browser.headers = {"Accept-Language": "zh-CN,en;q=0.5"}
    browser.cookie = ""
    assert 'lang="zh-Hans"' in (await browser.get("/")).text


async def test_chosen_language_stays(browser: ConsoleBrowser) -> None:
    assert '<html lang="zh-Hans">' in (await browser.get(f"{CONSOLE}?lang=zh-Hans")).text
    assert '<html lang="zh-Hans">' in (await browser.get()).text


async def test_use_keeps_a_session_alive_and_refreshing_by_itself_does_not(
    service: Service, browser: ConsoleBrowser
) -> None:
    """The cookie of somebody who did nothing for ten minutes, sealed with the service's secret."""
    codec = SessionCodec(Keyring((service.data_dir / "secret").read_text().strip()))
    now = int(time.time())
    session = ConsoleSession("csrf", now - 3600, now - 600, service.operator_key)
    cookie = f"holdfast_console={codec.seal(session)}"
    browser.cookie = cookie
    assert (await browser.get(CONSOLE, Console_Refresh="1")).status == 200
    assert browser.cookie == cookie
    assert (await browser.get()).status == 200
    renewed = codec.open(browser.cookie.partition("=")[2], now + 60)
    assert renewed is not None
    assert renewed.began_at == session.began_at
    assert renewed.seen_at >= now


async def test_address_that_is_no_screen_is_404(browser: ConsoleBrowser) -> None:
    page = await browser.get(f"{CONSOLE}/nowhere")
    assert page.status == 404
    assert "There is no such page." in page.text
    assert (await browser.post(f"{CONSOLE}/nowhere", {"do": "x"})).status == 404
