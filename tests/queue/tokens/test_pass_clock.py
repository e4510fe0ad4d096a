from typing import Any

import jwt
import pytest
from conftest import Clock
from support.line.http_visitor import SHOP, RoomFactory, tick

from holdfast_lua import SaleRef
from holdfast_lua.clock import host_ms
from holdfast_queue.http.credentials import pass_verifier
from holdfast_queue.line.results import Admission
from holdfast_queue.line.room import Room
from holdfast_queue.line.room_services import RoomServices
from holdfast_queue.tokens.handoffs import HANDOFF_MS
from holdfast_web.credentials import PassClaims
from holdfast_web.errors import HoldfastError

MINUTE_MS = 60_000


def claims_of(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


def judged(room: Room, services: RoomServices, token: str) -> PassClaims | None:
    """The pass, by the clock that the process behind `room` has heard of."""
    return pass_verifier(services.passes, lambda _sale: room.ref.clock.now_ms())(
        token, room.name, room.uid
    )


async def admitted(room: Room) -> Admission:
    admission = (await room.join()).admission
    assert admission is not None
    return admission


async def test_pass_is_good_at_once_after_a_store_clock_was_ahead_for_a_moment(
    make_room: RoomFactory, services: RoomServices, clock: Clock
) -> None:
    """The sale's time stands still until real time has caught up with it."""
    room = await make_room()
    await clock.advance_ms(MINUTE_MS)
    admission = await admitted(room)
    await clock.advance_ms(-MINUTE_MS)
    assert judged(room, services, admission.token) is not None
    await tick(room, clock)
    assert judged(room, services, admission.token) is not None


async def test_pass_is_good_at_once_where_nobody_has_heard_of_the_time_yet(
    make_room: RoomFactory, services: RoomServices, clock: Clock
) -> None:
    """Another worker's step was before the store's clock jumped."""
    room = await make_room()
    other = Room(room.name, SaleRef(room.uid, room.ref.epoch), room.settings, services)
    await other.tick()
    await clock.advance_ms(MINUTE_MS)
    admission = await admitted(room)
    assert judged(other, services, admission.token) is not None


@pytest.mark.parametrize("ahead_ms", [MINUTE_MS, -MINUTE_MS])
async def test_pass_ends_with_its_session_by_the_sales_clock(
    make_room: RoomFactory, services: RoomServices, clock: Clock, ahead_ms: int
) -> None:
    """By this host's it would end a minute early, or be good for a minute too long."""
    await clock.advance_ms(ahead_ms)
    room = await make_room()
    admission = await admitted(room)
    await clock.advance_ms(room.settings.session_ms - 10_000)
    await room.tick()
    assert judged(room, services, admission.token) is not None
    await clock.advance_ms(10_000)
    await room.tick()
    assert judged(room, services, admission.token) is None


@pytest.mark.parametrize("ahead_ms", [0, MINUTE_MS, -MINUTE_MS])
async def test_tokens_have_begun_and_are_not_over_by_the_clock_of_a_shop(
    make_room: RoomFactory, clock: Clock, ahead_ms: int
) -> None:
    await clock.advance_ms(ahead_ms)
    room = await make_room()
    admission = await admitted(room)
    for token in (admission.token, room.handoff(admission, SHOP)):
        claims = claims_of(token)
        assert claims["iat"] == claims["nbf"] <= host_ms() / 1000
        assert claims["exp"] > (host_ms() + HANDOFF_MS / 2) / 1000


@pytest.mark.parametrize("ahead_ms", [0, MINUTE_MS, -MINUTE_MS, -10 * MINUTE_MS])
async def test_handoff_lasts_a_minute_or_two_and_never_past_the_session(
    make_room: RoomFactory, clock: Clock, ahead_ms: int
) -> None:
    """The store remembers for two minutes that it was used."""
    await clock.advance_ms(ahead_ms)
    room = await make_room()
    admission = await admitted(room)
    ends_ms = claims_of(room.handoff(admission, SHOP))["exp"] * 1000
    assert ends_ms <= admission.now_ms + 2 * HANDOFF_MS
    late = admission.granted.expires_at_ms - 5_000
    short = Admission(admission.granted, admission.token, late, again=False)
    assert claims_of(room.handoff(short, SHOP))["exp"] * 1000 <= admission.granted.expires_at_ms


async def test_handoff_is_over_by_the_sales_clock_without_a_step_in_between(
    make_room: RoomFactory, services: RoomServices, clock: Clock
) -> None:
    room = await make_room()
    admission = await admitted(room)
    token = room.handoff(admission, SHOP)
    await clock.advance_ms(HANDOFF_MS + 1_000)
    # Any reply tells the time; the status document is still that of before.
    await room.end("nobody")
    with pytest.raises(HoldfastError):
        await room.exchange(token, SHOP)


async def test_identity_is_judged_by_the_clock_that_shops_sign_by(
    make_room: RoomFactory, services: RoomServices, clock: Clock
) -> None:
    """A store whose clock is off keeps nobody out whom a shop vouches for."""
    room = await make_room()
    kid, key = services.identities.key_of(room.uid)
    now_s = host_ms() // 1000
    claims = {"aud": room.name, "sub": "customer-7", "iat": now_s, "exp": now_s + 300}
    token = jwt.encode(claims, key, "HS256", {"kid": kid})
    for moved_ms in (20 * MINUTE_MS, -40 * MINUTE_MS):
        await clock.advance_ms(moved_ms)
        await room.tick()
        assert room.read_identity(token) is not None
