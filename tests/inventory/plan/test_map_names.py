"""A map's ETag names it for good: caches outlive the sale that an address belonged to."""

from support.inventory.harness import Make


async def test_fresh_maps_of_two_sales_have_two_names(make_harness: Make) -> None:
    """Given a sale that was deleted and made anew under its name, with another hall.

    Catches 304 for the map of the sale before.
    """
    before, after = await make_harness(["AAAA"]), await make_harness(["AAAAAA"])
    one, other = await before.inventory.seat_map(), await after.inventory.seat_map()
    assert one.version == other.version
    assert one.reading.revision == other.reading.revision
    assert one.etag != other.etag


async def test_view_of_a_channel_keeps_the_name_of_its_sale(make_harness: Make) -> None:
    seat_map = await (await make_harness(["AAAA"])).inventory.seat_map()
    view = seat_map.seen_by("club")
    assert view.uid == seat_map.uid
    assert view is seat_map.seen_by("club")
    assert view.members is not seat_map.members


async def test_names_of_the_seats_are_written_once_a_reading(make_harness: Make) -> None:
    """Anybody may ask for them, and a large hall's take a tenth of a second."""
    seat_map = await (await make_harness(["AAAA"])).inventory.seat_map()
    assert seat_map.json_with_guids is seat_map.json_with_guids
    assert seat_map.seen_by("club").json_with_guids is seat_map.seen_by("club").json_with_guids
