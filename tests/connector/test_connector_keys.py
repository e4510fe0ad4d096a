"""Keys of the service: read seldom, read once for everybody, and kept when they cannot be read."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from support.connector.storefronts import OTHER_SECRET, SECRET, SERVICE, Clock, TokenIssuer, Wire
from support.service.running import wait_until

from holdfast_connector import KeysUnavailable, PublishedKeys
from holdfast_connector.fetching import Request, Response
from holdfast_connector.tokens.keys import MAX_AGE_SECONDS, MIN_INTERVAL_SECONDS


@pytest.fixture
def clock() -> Clock:
    return Clock(0.0)


@pytest.fixture
def wire() -> Wire:
    return Wire(TokenIssuer())


@pytest.fixture
def keys(wire: Wire, clock: Clock) -> PublishedKeys:
    return PublishedKeys(SERVICE, fetch=wire, clock=clock)


def kid_of(issuer: TokenIssuer) -> str:
    return issuer.passes.signer.keys[0].kid


def test_keys_are_read_once_and_kept(keys: PublishedKeys, wire: Wire, clock: Clock) -> None:
    for _ in range(100):
        assert keys.find(kid_of(wire.issuer)) is not None
        clock.now += 1
    assert [request.url for request in wire.seen] == [f"{SERVICE}/.well-known/jwks.json"]


def test_unknown_kids_cannot_cause_a_fetch_storm(
    keys: PublishedKeys, wire: Wire, clock: Clock
) -> None:
    """Given known keys, a thousand invented kids from twenty threads cost one read a span."""
    assert keys.find(kid_of(wire.issuer))
    with ThreadPoolExecutor(20) as pool:
        for span in range(1, 4):
            found = list(pool.map(keys.find, (f"invented-{n}" for n in range(1_000))))
            assert set(found) == {None}
            assert len(wire.seen) == 1 + span
            clock.now += MIN_INTERVAL_SECONDS


def test_kid_beyond_measure_costs_nothing(keys: PublishedKeys, wire: Wire, clock: Clock) -> None:
    assert keys.find(kid_of(wire.issuer))
    clock.now += MIN_INTERVAL_SECONDS
    assert keys.find("x" * 1_000) is None
    assert len(wire.seen) == 1


def test_rotated_key_is_picked_up_at_first_sight(
    keys: PublishedKeys, wire: Wire, clock: Clock
) -> None:
    """At once, even when the old set was read a moment ago."""
    old = wire.issuer
    assert keys.find(kid_of(old))
    wire.issuer = TokenIssuer(OTHER_SECRET, SECRET)
    assert keys.find(kid_of(wire.issuer)) is not None
    assert keys.find(kid_of(old)) is not None  # still listed
    assert len(wire.seen) == 2


def test_retired_key_is_forgotten_when_the_set_is_read_again(
    keys: PublishedKeys, wire: Wire, clock: Clock
) -> None:
    old = wire.issuer
    assert keys.find(kid_of(old))
    wire.issuer = TokenIssuer(OTHER_SECRET)
    clock.now += MAX_AGE_SECONDS
    keys.find(kid_of(old))  # the last good one, while the set is read in the background
    wait_until(lambda: keys.has(kid_of(wire.issuer)))
    assert keys.find(kid_of(old)) is None


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


def test_everybody_waits_for_the_same_read(wire: Wire, clock: Clock, gate: threading.Event) -> None:
    """Given a slow service, twenty visitors at once get their key from a single read."""

    def slow(request: Request) -> Response:
        gate.wait(10)
        return wire(request)

    keys = PublishedKeys(SERVICE, fetch=slow, clock=clock)
    with ThreadPoolExecutor(20) as pool:
        waiting = [pool.submit(keys.find, kid_of(wire.issuer)) for _ in range(20)]
        gate.set()
        assert all(one.result(10) is not None for one in waiting)
    assert len(wire.seen) == 1


def test_known_key_never_waits_for_a_stale_set(
    wire: Wire, clock: Clock, gate: threading.Event
) -> None:
    reads: list[Request] = []

    def then_hangs(request: Request) -> Response:
        reads.append(request)
        if len(reads) > 1:
            gate.wait(10)
        return wire(request)

    keys = PublishedKeys(SERVICE, fetch=then_hangs, clock=clock)
    assert keys.find(kid_of(wire.issuer))
    clock.now += MAX_AGE_SECONDS
    for _ in range(50):
        assert keys.find(kid_of(wire.issuer))  # would hang here
    wait_until(lambda: len(reads) == 2)


def test_last_good_keys_stay_through_an_outage(
    keys: PublishedKeys, wire: Wire, clock: Clock
) -> None:
    assert keys.find(kid_of(wire.issuer))
    wire.down = True
    for _ in range(50):
        clock.now += MAX_AGE_SECONDS
        assert keys.find(kid_of(wire.issuer)) is not None
        assert keys.find("invented") is None


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"{}", b"[]", b'{"keys": []}', b'{"keys": [7]}', b'{"keys": null}',
             b'{"keys": [{"crv": "Ed25519", "kid": "x", "x": "AA"}]}']
)  # fmt: skip
def test_nonsense_never_replaces_good_keys(wire: Wire, clock: Clock, body: bytes) -> None:
    answers = [
        Response(200, wire.issuer.jwks),
        Response(200, body),
        Response(500, wire.issuer.jwks),
    ]
    keys = PublishedKeys(SERVICE, fetch=lambda _: answers.pop(0), clock=clock)
    assert keys.find(kid_of(wire.issuer))
    for _ in range(2):
        clock.now += MAX_AGE_SECONDS
        assert keys.find("invented") is None
        assert keys.find(kid_of(wire.issuer))
    assert answers == []
    assert keys.unavailable


def test_no_keys_at_all_is_said_so_and_tried_again_later(
    keys: PublishedKeys, wire: Wire, clock: Clock
) -> None:
    wire.down = True
    for _ in range(10):
        with pytest.raises(KeysUnavailable):
            keys.find(kid_of(wire.issuer))
    assert len(wire.seen) == 1
    assert keys.unavailable
    wire.down = False
    clock.now += MIN_INTERVAL_SECONDS
    assert keys.find(kid_of(wire.issuer))
    assert not keys.unavailable


def test_keys_are_not_unavailable_while_they_are_fresh(
    keys: PublishedKeys, wire: Wire, clock: Clock
) -> None:
    assert not keys.unavailable  # nobody has tried yet: that begins a read, and waits for nothing
    wait_until(lambda: keys.has(kid_of(wire.issuer)))
    wire.down = True
    assert not keys.unavailable
    clock.now += MAX_AGE_SECONDS
    wait_until(lambda: keys.unavailable)


@pytest.mark.parametrize("down", [False, True])
def test_read_is_seen_by_others_once_it_is_whole(down: bool, wire: Wire, clock: Clock) -> None:
    """Its keys with their age, its failure with the time of the next: while the clock is read for
    these, nothing of it is to be seen.
    """
    seen: list[tuple[bool, bool]] = []

    def look() -> float:
        if threading.current_thread() is not threading.main_thread() and not seen:
            seen.append((False, False))  # `unavailable` looks at the clock itself
            seen[0] = published.has(kid_of(wire.issuer)), published.unavailable
        return clock()

    wire.down = down
    published = PublishedKeys(SERVICE, fetch=wire, clock=look)
    wait_until(lambda: published.unavailable or published.has(kid_of(wire.issuer)))
    assert seen == [(False, False)]
