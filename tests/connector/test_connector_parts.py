"""Session cookies, the set of replays, worker threads and settings."""

import asyncio
import json
import os
import threading
from base64 import urlsafe_b64encode

import pytest
from support.connector.storefronts import NOW, SALE, SERVICE, SHOP, Clock

from holdfast_connector import Session, Settings
from holdfast_connector.tokens.expiring_set import ExpiringSet
from holdfast_connector.tokens.sessions import SessionCookies
from holdfast_connector.worker_threads import Busy, WorkerThreads

NEW, OLD = "n" * 40, "o" * 40
SESSION = Session(SALE, "pass-1", "buyer-1", NOW + 900, "the.visitors.pass")


def cookies(*secrets: str, sale: str = SALE, secure: bool = True) -> SessionCookies:
    return SessionCookies(sale, secrets or (NEW,), secure=secure)


def shown(made: str) -> str:
    return made.partition(";")[0]


def test_session_comes_back_from_its_cookie() -> None:
    made = cookies().set_cookie(SESSION, NOW)
    assert cookies().read(f"other=1; {shown(made)}; more=2", NOW) == SESSION
    assert cookies().read(shown(made), NOW + 900) is None


def test_cookie_is_bound_to_the_host_and_hidden_from_scripts() -> None:
    made = cookies().set_cookie(SESSION, NOW)
    assert made.startswith(f"__Host-holdfast_session_{SALE}=")
    assert made.endswith("; Max-Age=900; Path=/; HttpOnly; SameSite=Lax; Secure")
    plain = cookies(secure=False).set_cookie(SESSION, NOW)
    assert plain.startswith(f"holdfast_session_{SALE}=")
    assert "Secure" not in plain


def test_cleared_cookie_has_the_same_name_and_no_life() -> None:
    cleared = cookies().clear_cookie()
    assert cleared.startswith(f"__Host-holdfast_session_{SALE}=; Max-Age=0; Path=/")


def test_old_secret_still_verifies_and_a_retired_one_does_not() -> None:
    made = shown(cookies(OLD).set_cookie(SESSION, NOW))
    assert cookies(NEW, OLD).read(made, NOW) == SESSION
    assert cookies(NEW).read(made, NOW) is None


def test_cookie_of_another_sale_opens_nothing() -> None:
    value = shown(cookies(sale="other").set_cookie(SESSION, NOW)).partition("=")[2]
    assert cookies().read(f"__Host-holdfast_session_{SALE}={value}", NOW) is None


def test_tampered_cookie_opens_nothing() -> None:
    name, _, value = shown(cookies().set_cookie(SESSION, NOW)).partition("=")
    body, _, mac = value.partition(".")
    forged = {"p": "x", "s": "x", "e": NOW + 10**6, "t": None}
    other = urlsafe_b64encode(json.dumps(forged).encode()).decode().rstrip("=")
    for bad in (f"{other}.{mac}", f"{body}.{mac[:-2]}AA", body, f"{body}.", f".{mac}", "x" * 9000,
                "é.é"):  # fmt: skip
        assert cookies().read(f"{name}={bad}", NOW) is None


def test_second_cookie_of_the_name_is_looked_at_too() -> None:
    """A sibling domain may plant one; it must not lock the visitor out."""
    made = shown(cookies(secure=False).set_cookie(SESSION, NOW))
    assert cookies(secure=False).read(f"holdfast_session_{SALE}=planted; {made}", NOW) == SESSION


def test_secrets_are_long_and_never_shown() -> None:
    with pytest.raises(ValueError, match="32 characters"):
        cookies("short")
    settings = Settings(service_url=SERVICE, shop_url=SHOP, sale=SALE, cookie_secrets=(NEW,))
    assert NEW not in repr(settings)
    assert "visitors" not in repr(SESSION)


@pytest.mark.parametrize(
    "changes",
    [{"service_url": "wait.example"}, {"shop_url": f"{SHOP}/shop"}, {"sale": "No Sale"},
     {"protected": ("checkout",)}, {"landing": "home"}, {"internal_url": "//x"}],
)  # fmt: skip
def test_wrong_setting_is_refused_when_the_shop_starts(changes: dict[str, str]) -> None:
    given = {"service_url": SERVICE, "shop_url": SHOP, "sale": SALE, **changes}
    with pytest.raises(ValueError, match=r"\w"):
        Settings(cookie_secrets=(NEW,), **given)  # type: ignore[arg-type]


def test_memory_knows_a_name_until_it_is_over() -> None:
    clock = Clock()
    kept = ExpiringSet(clock)
    assert kept.add("a", NOW + 60)
    assert not kept.add("a", NOW + 60)
    assert "a" in kept
    clock.now += 60
    assert "a" not in kept
    assert kept.add("a", NOW + 120)


def test_memory_is_bounded_and_forgets_only_what_is_over() -> None:
    clock = Clock()
    kept = ExpiringSet(clock, max_entries=100)
    assert all(kept.add(str(n), NOW + 60) for n in range(100))
    assert not kept.add("one more", NOW + 60)
    assert len(kept) == 100
    clock.now += 60
    assert kept.add("one more", NOW + 120)
    assert len(kept) < 100


async def test_courier_refuses_what_it_cannot_carry() -> None:
    begun, release = threading.Event(), threading.Event()
    threads = WorkerThreads(threads=1, waiting_max=2)

    def job() -> None:
        begun.set()
        release.wait(10)

    threads.send(job)
    assert await asyncio.to_thread(begun.wait, 10)
    waiting = [threads.send(lambda: "done") for _ in range(2)]
    with pytest.raises(Busy):
        threads.send(lambda: "too much")
    release.set()
    assert [await asyncio.wrap_future(one) for one in waiting] == ["done", "done"]


async def test_threads_survive_jobs_that_fail() -> None:
    threads = WorkerThreads(threads=1)
    with pytest.raises(ZeroDivisionError):
        await threads.run(lambda: 1 // 0)
    assert await threads.run(lambda: 7) == 7


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
async def test_courier_works_on_both_sides_of_a_fork() -> None:
    threads = WorkerThreads(threads=1)
    assert await threads.run(lambda: 1) == 1
    child = os.fork()
    if child == 0:
        os._exit(0 if threads.send(lambda: 2).result(10) == 2 else 1)
    assert await asyncio.to_thread(os.waitpid, child, 0) == (child, 0)
    assert await threads.run(lambda: 3) == 3
