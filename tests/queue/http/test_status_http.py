from collections import Counter
from dataclasses import replace

from conftest import Clock
from support.line.http_visitor import ClientFactory, RoomFactory, Visitor, crowded, tick

from holdfast_queue.line.room import Room


async def test_status_is_served_from_memory(
    make_room: RoomFactory, serve: ClientFactory, scripts: Counter[str], clock: Clock
) -> None:
    room = await crowded(make_room, clock, message="Doors at eight")
    visitor = Visitor(await serve(room), room)
    before = sum(scripts.values())
    status, document, response = await visitor.ask("GET", "/status")
    assert status == 200
    assert response.headers["Cache-Control"] == "public, max-age=0, s-maxage=1"
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert document["message"] == "Doors at eight"
    assert (document["issued"], document["state"], document["sale"]) == (10, "open", room.name)
    etag = response.headers["ETag"]
    response = await visitor.client.get(
        f"/v1/sales/{room.name}/status", headers={"If-None-Match": f'W/"x", {etag}'}
    )
    assert (response.status, await response.read()) == (304, b"")
    assert response.headers["ETag"] == etag
    visitor.ticket = (await room.join()).token
    joins = sum(scripts.values())
    await visitor.ask("GET", "/ticket")
    assert (sum(scripts.values()) - joins, joins - before) == (0, 1)


async def test_etag_changes_with_the_content_only(make_room: RoomFactory, clock: Clock) -> None:
    room = await make_room()
    etag, revision = room.document.etag, room.document.revision
    now = room.document.now_ms
    await tick(room, clock)
    assert (room.document.etag, room.document.revision) == (etag, revision)
    assert room.document.now_ms > now
    assert room.document.changed_ms < room.document.now_ms
    await room.join()
    await tick(room, clock)
    assert room.document.etag != etag


async def test_settings_changed_live_are_in_the_next_document(
    make_room: RoomFactory, serve: ClientFactory, clock: Clock
) -> None:

    room = await crowded(make_room, clock)
    await room.update(replace(room.settings, message="Back at nine", burst=50), 2)
    assert b"Back at nine" in room.document.body
    assert room.document.line.settings_version == 2


async def test_fifo_draw_has_nothing_to_commit_to(room: Room, serve: ClientFactory) -> None:
    visitor = Visitor(await serve(room), room)
    _, document, response = await visitor.ask("GET", "/draw")
    assert document == {
        "method": "fifo",
        "algorithm": None,
        "commitment": None,
        "secret": None,
        "entrants": 0,
        "accumulator": None,
        "beacon": None,
        "beacon_source": None,
        "committed_at": None,
        "starts": [],
        "closed_at": None,
        "sealed_at": None,
    }
    assert response.headers["Access-Control-Allow-Origin"] == "*"


async def test_unknown_sale_is_404(room: Room, serve: ClientFactory) -> None:
    client = await serve(room)
    for path in ("status", "ticket", "draw"):
        response = await client.get(f"/v1/sales/nosuch/{path}")
        assert (response.status, (await response.json())["code"]) == (404, "unknown_sale")
