from typing import Any

import pytest
from conftest import Clock
from support.line.http_visitor import OWN, SHOP, ClientFactory, RoomFactory, Visitor, crowded

from holdfast_queue.line.room import Room
from holdfast_web.origins import PUBLIC_ORIGIN


async def test_cookie_keeps_the_place_of_a_browser(
    make_room: RoomFactory, serve: ClientFactory, clock: Clock
) -> None:
    room = await crowded(make_room, clock)
    client = await serve(room)
    base = f"/v1/sales/{room.name}"
    joined = await client.post(f"{base}/tickets", headers={"Origin": OWN})
    cookie = joined.cookies[f"holdfast_{room.name}"]
    assert cookie["httponly"]
    assert (cookie["samesite"], cookie["path"]) == ("Lax", "/")
    # The jar sends it by itself
    assert (await client.get(f"{base}/ticket")).status == 200
    again = await client.post(f"{base}/tickets", headers={"Sec-Fetch-Site": "same-origin"})
    assert again.status == 200


async def test_cookie_is_found_among_others_and_taken_by_its_whole_name(
    make_room: RoomFactory, serve: ClientFactory, clock: Clock
) -> None:
    room = await crowded(make_room, clock)
    visitor = Visitor(await serve(room), room)
    await visitor.join()
    token, visitor.ticket = visitor.ticket, ""
    name = f"holdfast_{room.name}"
    for cookies, status in {
        f"a=b=c; {name}={token};theme=dark": 200,
        f"x{name}=foreign; {name}={token}; {name}2=foreign": 200,
        f"x{name}={token}; {name}2={token}; nothing": 401,
        f"{name}={token[:-1]}": 401,
        f"{name}=": 401,
    }.items():
        assert (await visitor.ask("GET", "/ticket", Cookie=cookies))[0] == status, cookies


async def test_secure_cookie_is_bound_to_the_host(
    make_room: RoomFactory, serve: ClientFactory, clock: Clock
) -> None:

    room = await crowded(make_room, clock)
    client = await serve(room)
    client.app._state[PUBLIC_ORIGIN] = "https://wait.example"
    joined = await client.post(f"/v1/sales/{room.name}/tickets")
    cookie = joined.cookies[f"__Host-holdfast_{room.name}"]
    assert cookie["secure"]
    assert cookie["path"] == "/"
    assert not cookie["domain"]


@pytest.mark.parametrize("path", ["/tickets", "/pass"])
@pytest.mark.parametrize(
    "headers", [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}]
)
async def test_another_site_can_neither_join_nor_claim_for_a_visitor(
    make_room: RoomFactory, serve: ClientFactory, path: str, headers: dict[str, str], clock: Clock
) -> None:
    room = await crowded(make_room, clock, return_origins=(SHOP,))
    client = await serve(room)
    await client.post(f"/v1/sales/{room.name}/tickets")
    response = await client.post(f"/v1/sales/{room.name}{path}", headers=headers)
    assert (response.status, (await response.json())["code"]) == (403, "cross_origin")
    assert not response.cookies
    assert "Access-Control-Allow-Origin" not in response.headers


async def test_page_of_a_return_origin_joins_by_header_and_gets_no_cookie(
    make_room: RoomFactory, serve: ClientFactory, clock: Clock
) -> None:
    room = await crowded(make_room, clock, return_origins=(SHOP,))
    visitor = Visitor(await serve(room), room)
    status, joined, response = await visitor.ask(
        "POST", "/tickets", Origin=SHOP, Sec_Fetch_Site="cross-site"
    )
    assert (status, response.headers["Access-Control-Allow-Origin"]) == (201, SHOP)
    assert not response.cookies
    visitor.ticket = joined["ticket"]
    assert (await visitor.ask("POST", "/pass", Origin=SHOP))[0] == 202
    # but the cookie of a visitor is of no use to it
    visitor.ticket = ""
    client = visitor.client
    await client.post(f"/v1/sales/{room.name}/tickets")
    for headers in ({}, {"Holdfast-Ticket": ""}):
        response = await client.post(
            f"/v1/sales/{room.name}/pass", headers={"Origin": SHOP, **headers}
        )
        assert response.status == 403


async def test_preflight_allows_the_ticket_header(
    make_room: RoomFactory, serve: ClientFactory
) -> None:
    room = await make_room(return_origins=(SHOP,))
    client = await serve(room)
    response = await client.options(
        f"/v1/sales/{room.name}/tickets",
        headers={"Origin": SHOP, "Access-Control-Request-Method": "POST"},
    )
    assert response.status == 204
    assert "Holdfast-Ticket" in response.headers["Access-Control-Allow-Headers"]


@pytest.mark.parametrize("ticket", ["", "nonsense", "x" * 500])
async def test_no_ticket_is_401(room: Room, serve: ClientFactory, ticket: str) -> None:
    visitor = Visitor(await serve(room), room)
    visitor.ticket = ticket
    for method, path in (("GET", "/ticket"), ("POST", "/pass")):
        status, problem, _ = await visitor.ask(method, path)
        assert (status, problem["code"]) == (401, "unauthorized")


async def test_ticket_of_another_sale_is_no_ticket(
    make_room: RoomFactory, serve: ClientFactory, room: Room, services: Any
) -> None:
    entry = await room.join()
    assert room.read_ticket(entry.token) is not None
    foreign = services.tickets.make(
        type(entry.ticket)("elsewhere", 1, entry.ticket.id, entry.ticket.number, None, 0)
    )
    visitor = Visitor(await serve(room), room)
    visitor.ticket = foreign
    assert (await visitor.ask("GET", "/ticket"))[0] == 401


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/",
        "https:evil.example",
        "/\\evil.example",
        "//evil.example",
        "x" * 3000,
    ],
)
async def test_return_url_must_be_allowed(
    make_room: RoomFactory, serve: ClientFactory, url: str
) -> None:
    room = await make_room(return_origins=(SHOP,))
    visitor = Visitor(await serve(room), room)
    for path in ("/tickets", "/pass"):
        visitor.ticket = (await room.join()).token
        status, problem, _ = await visitor.ask("POST", path, {"return_url": url})
        assert status == 400
        assert problem["code"] in {"invalid_return_url", "invalid_request"}
