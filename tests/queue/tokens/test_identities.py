import asyncio
from typing import Any

import jwt
import pytest
from support.http.refusals import refusal_of
from support.line.http_visitor import RoomFactory

from holdfast_lua import Executor, SaleRef
from holdfast_lua.calls import keys
from holdfast_lua.calls.line import LineCalls
from holdfast_queue.http.credentials import pass_verifier
from holdfast_queue.line.results import Admission
from holdfast_queue.line.room import Room
from holdfast_queue.line.room_services import RoomServices
from holdfast_queue.tokens.identities import (
    BUCKETS,
    BoundPlace,
    Identity,
    IdentityDigests,
    IdentityMode,
    IdentityPlaces,
    IdentityVerifier,
    parse_bound_place,
)
from holdfast_web.errors import ErrorCode
from holdfast_web.keyring import Keyring, Purpose

NOW_S = 1_800_000_000
SECRET = "a secret of the tests, thirty-two characters or more"
SEVEN = Identity("customer-7")
LATER = "another secret of the tests, of thirty-two characters"


def verifier(*secrets: str) -> IdentityVerifier:
    return IdentityVerifier(Keyring(secrets[0], secrets[1:]).keys(Purpose.IDENTITY))


def signed(by: IdentityVerifier, uid: str = "uid", **changes: Any) -> str:
    kid, key = by.key_of(uid)
    claims = {"aud": "gala", "sub": "customer-7", "iat": NOW_S, "exp": NOW_S + 600, **changes}
    return jwt.encode(claims, key, "HS256", {"kid": kid})


def test_storefronts_token_is_read() -> None:
    ours = verifier(SECRET)
    assert ours.read(signed(ours), "gala", "uid", NOW_S * 1000) == SEVEN


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "other"},
        {"exp": NOW_S - 31},
        {"exp": NOW_S + 601},
        {"iat": NOW_S + 31, "exp": NOW_S + 60},
        {"exp": "soon"},
        {"sub": ""},
        {"sub": "x" * 201},
        {"uid": "uid", "sub": None},
    ],
)
def test_token_out_of_bounds_is_none(changes: dict[str, Any]) -> None:
    ours = verifier(SECRET)
    assert ours.read(signed(ours, **changes), "gala", "uid", NOW_S * 1000) is None


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
def test_token_of_another_key_sale_or_algorithm_is_none() -> None:
    ours, theirs = verifier(SECRET), verifier(LATER)
    kid, key = ours.key_of("uid")
    claims = {"aud": "gala", "sub": "x", "iat": NOW_S, "exp": NOW_S + 60}
    forged = [
        signed(theirs),
        signed(ours, uid="another sale"),
        jwt.encode(claims, key, "HS512", {"kid": kid}),
        jwt.encode(claims, "", "none", {"kid": kid}),
        jwt.encode(claims, key, "HS256"),
        "x" * 5000,
        "",
    ]
    assert [ours.read(token, "gala", "uid", NOW_S * 1000) for token in forged] == [None] * 7


def test_channels_are_read_in_one_order() -> None:
    ours = verifier(SECRET)
    token = signed(ours, channels=["press", "fanclub", "press"])
    read = ours.read(token, "gala", "uid", NOW_S * 1000)
    assert read == Identity("customer-7", ("fanclub", "press"))


@pytest.mark.parametrize(
    "channels",
    ["fanclub", None, [7], ["Fan Club"], ["x" * 33], [""], [f"c{n}" for n in range(5)]],
)
def test_identity_with_channels_that_are_none_is_none(channels: object) -> None:
    ours = verifier(SECRET)
    token = signed(ours, channels=channels)
    assert ours.read(token, "gala", "uid", NOW_S * 1000) is None


def test_key_verifies_while_its_secret_is_listed() -> None:
    token = signed(verifier(SECRET))
    assert verifier(LATER, SECRET).read(token, "gala", "uid", NOW_S * 1000) == SEVEN
    assert verifier(LATER).read(token, "gala", "uid", NOW_S * 1000) is None


def test_place_is_written_as_it_is_read() -> None:
    for bound in (BoundPlace(7), BoundPlace(7, 2)):
        assert parse_bound_place(bound.text()) == bound
    assert parse_bound_place("") is None


async def test_same_identity_has_one_place_at_every_worker(
    make_room: RoomFactory, services: RoomServices
) -> None:
    room = await make_room(burst=1, new_users_per_minute=6)
    other = Room(room.name, SaleRef(room.uid, 1), room.settings, services)
    await other.tick()
    await room.join()
    first = await room.join(identity=SEVEN)
    again = await other.join(identity=SEVEN)
    assert (first.again, again.again) == (False, True)
    assert (again.ticket.number, again.ticket.id) == (first.ticket.number, first.ticket.id)
    assert (await other.join(identity=Identity("customer-8"))).ticket.number != first.ticket.number
    await other.aclose()


async def test_joins_of_one_identity_at_once_get_one_place(make_room: RoomFactory) -> None:
    room = await make_room(burst=1, new_users_per_minute=6)
    await room.join()
    entries = await asyncio.gather(*(room.join(identity=SEVEN) for _ in range(20)))
    assert len({(entry.ticket.number, entry.ticket.id) for entry in entries}) == 1
    assert sum(not entry.again for entry in entries) == 1


async def test_tickets_of_one_identity_are_one_admission(make_room: RoomFactory) -> None:
    room = await make_room()
    first = await room.join(identity=SEVEN)
    again = await room.join(identity=SEVEN)
    await room.tick()
    passes = [await room.claim(entry.ticket) for entry in (first, again)]
    assert all(isinstance(one, Admission) for one in passes)
    assert len({one.granted.pass_id for one in passes if isinstance(one, Admission)}) == 1
    assert (await room.tick()).status.active == 1


async def test_used_up_place_is_followed_by_another(make_room: RoomFactory) -> None:
    room = await make_room()
    first = await room.join(identity=SEVEN)
    await room.end(first.ticket.pass_id)
    await room.tick()
    second = await room.join(identity=SEVEN)
    assert not second.again
    assert second.ticket.number != first.ticket.number
    assert second.ticket.pass_id != first.ticket.pass_id


async def test_identity_is_one_buyer_whatever_its_turn(
    make_room: RoomFactory, services: RoomServices
) -> None:
    """And somebody else's is another, in this sale and in the next."""
    room = await make_room()
    first = await room.join(identity=SEVEN)
    again = await room.join(identity=SEVEN)
    assert again.ticket.subject == first.ticket.subject
    await room.end(first.ticket.pass_id)
    await room.tick()
    second = await room.join(identity=SEVEN)
    assert second.ticket.pass_id != first.ticket.pass_id
    assert second.ticket.subject == first.ticket.subject
    read = room.read_ticket(second.token)
    assert read is not None
    assert read.subject == first.ticket.subject
    assert (await room.join(identity=Identity("customer-8"))).ticket.subject != read.subject


def test_digests_need_the_sale_and_its_key() -> None:
    made = IdentityDigests("uid", b"k" * 32)
    for other in (IdentityDigests("later", b"k" * 32), IdentityDigests("uid", b"l" * 32)):
        assert made.buyer("ann") != other.buyer("ann")
        assert made.ticket_id("ann", 0) != other.ticket_id("ann", 0)
        assert made.slot("ann") != other.slot("ann")
    assert made.buyer("ann") != made.buyer("bea")
    assert "kkkk" not in repr(made)


async def test_required_identity_is_asked_of_who_has_no_place(make_room: RoomFactory) -> None:
    room = await make_room(identity=IdentityMode.REQUIRED)
    first = await room.join(identity=SEVEN)
    again = await room.join(first.token)
    assert (again.again, again.ticket) == (True, first.ticket)
    await room.end(first.ticket.pass_id)
    await room.tick()
    for token in (None, first.token, "nonsense"):
        assert (await refusal_of(room.join(token))).code is ErrorCode.IDENTITY_REQUIRED


async def test_pass_carries_the_channels_of_the_identity(
    make_room: RoomFactory, services: RoomServices
) -> None:
    """By every way to a pass: claimed, claimed with a second ticket, handed off, renewed."""
    room = await make_room()
    fan = Identity("customer-7", ("fanclub", "press"))
    first, again = await room.join(identity=fan), await room.join(identity=fan)
    verify = pass_verifier(services.passes, lambda _sale: room.ref.clock.now_ms())
    await room.tick()
    tokens = []
    for entry in (first, again):
        ticket = room.read_ticket(entry.token)
        assert ticket is not None
        claimed = await room.claim(ticket)
        assert isinstance(claimed, Admission)
        admission = claimed
        tokens.append(admission.token)
    handed = await room.exchange(room.handoff(admission, "https://shop"), "https://shop")
    claims = verify(admission.token, room.name, room.uid)
    assert claims is not None
    tokens += [handed.token, (await room.renew(claims)).token]
    for token in tokens:  # whichever way it came
        read = verify(token, room.name, room.uid)
        assert read is not None
        assert read.channels == {"fanclub", "press"}


async def test_quiet_join_gives_a_pass_with_channels_and_others_get_none(
    make_room: RoomFactory, services: RoomServices
) -> None:
    room = await make_room()
    verify = pass_verifier(services.passes, lambda _sale: room.ref.clock.now_ms())
    for identity, channels in (
        (Identity("a", ("fanclub",)), {"fanclub"}),
        (SEVEN, set()),
        (None, set()),
    ):
        admission = (await room.join(identity=identity)).admission
        assert admission is not None
        claims = verify(admission.token, room.name, room.uid)
        assert claims is not None
        assert claims.channels == channels


async def test_identity_costs_at_most_24_bytes(executor: Executor, sale_ref: SaleRef) -> None:
    """As many in one bucket as a million would put there."""
    places = IdentityPlaces(LineCalls(executor), sale_ref, IdentityDigests(sale_ref.uid))
    count = 1_000_000 // BUCKETS
    key = keys.identities(sale_ref.uid, 5)
    calls = LineCalls(executor)
    for number in range(count):
        digest = (number * 7_919_000_013).to_bytes(7)
        await calls.bind_identity(sale_ref, 5, digest, "", str(900_000 + number))
    used = await executor.command("MEMORY", "USAGE", key)
    assert used / count <= 24
    assert await places.find("nobody") is None
