"""The operator's side over HTTP: create, replace, read, change, end, and who may."""

import asyncio
import json

import pytest
from support.api_client import (
    ALL_PRICES,
    FLOOR,
    NIGHT,
    Api,
    create,
    eventually,
    in_time,
    keys_command,
    make_key,
    seating_plan,
)
from support.service.running import Service

FUTURE = "2099-01-01T10:00:00Z"
PAST = "2020-01-01T10:00:00Z"


async def test_put_creates_then_replaces_until_the_first_ticket(operator: Api, name: str) -> None:
    first = await operator.put(f"/v1/sales/{name}", NIGHT)
    assert (first.status, first.body["state"]) == (201, "open")
    second = await operator.put(f"/v1/sales/{name}", {**NIGHT, "burst": 7})
    assert (second.status, second.body["burst"], second.body["uid"]) == (200, 7, first.body["uid"])
    await operator.as_(None).join(name)
    third = await operator.put(f"/v1/sales/{name}", NIGHT)
    assert (third.status, third.code) == (409, "sale_started")


async def test_replacing_takes_the_old_stock_away_everywhere(operator: Api, name: str) -> None:
    await create(operator, name)
    smaller = {**NIGHT, "areas": [{**FLOOR, "capacity": 3}]}
    assert (await operator.put(f"/v1/sales/{name}", smaller)).status == 200
    counts = {"free": 3, "held": 0, "sold": 0}
    await eventually(operator, f"/v1/sales/{name}", "counts", counts)


async def test_sale_shows_what_was_set_and_how_it_stands(operator: Api, name: str) -> None:
    await create(operator, name, message="hello", return_origins=["https://shop.example"])
    shown = (await operator.get(f"/v1/sales/{name}")).body
    assert (shown["sale"], shown["name"], shown["message"]) == (name, "Night", "hello")
    assert (shown["state"], shown["hold_seconds"], shown["currency"]) == ("open", 1800, "EUR")
    assert shown["counts"] == {"free": 100, "held": 0, "sold": 0}
    assert shown["uid"]
    assert shown["plan_version"]


async def test_real_plan_with_areas_is_imported(operator: Api, name: str) -> None:
    made = await operator.put(
        f"/v1/sales/{name}", {**NIGHT, "plan": seating_plan(), "prices": ALL_PRICES}
    )
    assert made.status == 201, made
    seats = (await operator.get(f"/v1/sales/{name}/seats")).body
    assert len(seats["states"]) + 100 == made.body["counts"]["free"]


async def test_doubtful_plan_is_taken_with_warnings_and_refused_by_the_strict(
    operator: Api, name: str
) -> None:
    plan = json.loads(json.dumps(seating_plan()).replace('"A-1-2"', '"A-1-2x"'))
    first, second = plan["zones"][3]["rows"][0]["seats"][:2]
    second["seat_number"] = first["seat_number"]
    body = {**NIGHT, "plan": plan, "prices": ALL_PRICES}
    strict = await operator.put(f"/v1/sales/{name}?strict=true", body)
    assert (strict.status, strict.code) == (400, "invalid_plan")
    assert [warning["code"] for warning in strict.body["warnings"]] == ["same_label"]
    assert (await operator.get(f"/v1/sales/{name}")).status == 404
    made = await operator.put(f"/v1/sales/{name}?strict=false", body)
    assert (made.status, made.body["warnings"]) == (201, strict.body["warnings"])
    assert set(made.body["warnings"][0]["seats"]) == {first["seat_guid"], second["seat_guid"]}
    assert (await operator.put(f"/v1/sales/{name}/plan", plan)).body["warnings"]
    again = await operator.put(f"/v1/sales/{name}/plan?strict=true", plan)
    assert (again.status, again.code) == (400, "invalid_plan")
    sound = await operator.put(f"/v1/sales/{name}/plan?strict=true", seating_plan())
    assert (sound.status, sound.body["warnings"]) == (200, [])
    odd = await operator.put(f"/v1/sales/{name}?strict=yes", body)
    assert (odd.status, odd.body["field"]) == (400, "strict")


async def test_plan_can_be_put_alone(operator: Api, name: str) -> None:
    await create(operator, name, prices=ALL_PRICES)
    put = await operator.put(f"/v1/sales/{name}/plan", seating_plan())
    assert put.status == 200, put
    assert put.body["counts"]["free"] > 100
    await operator.as_(None).join(name)
    late = await operator.put(f"/v1/sales/{name}/plan", seating_plan())
    assert (late.status, late.code) == (409, "sale_started")


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"areas": []}, "plan"),
        ({"prices": {"elsewhere": 4500}}, "prices"),
        ({"plan": {"zones": []}}, None),
        ({"colour": 1}, "colour"),
        ({"burst": -1}, "burst"),
    ],
)
async def test_refused_body_changes_nothing(
    operator: Api, name: str, fields: dict[str, object], field: str | None
) -> None:
    refused = await operator.put(f"/v1/sales/{name}", {**NIGHT, **fields})
    assert refused.status == 400
    if field is not None:
        assert (refused.code, refused.body["field"]) == ("invalid_request", field)
    assert (await operator.get(f"/v1/sales/{name}")).code == "unknown_sale"


@pytest.mark.parametrize("bad", ["Upper", "-dash", "a" * 64, "under_score"])
async def test_bad_name_is_refused(operator: Api, bad: str) -> None:
    refused = await operator.put(f"/v1/sales/{bad}", NIGHT)
    assert (refused.status, refused.body["field"]) == (400, "sale")


async def test_list_is_paged_by_name(operator: Api, name: str) -> None:
    names = [f"{name}-{letter}" for letter in "abc"]
    for one in names:
        await create(operator, one)
    found: list[str] = []
    path = "/v1/sales?limit=2"
    cursor: str | None = ""
    while cursor is not None:
        shown = (await operator.get(path + (f"&cursor={cursor}" if cursor else ""))).body
        assert len(shown["items"]) <= 2
        found += [item["sale"] for item in shown["items"]]
        cursor = shown["next"]
    assert found == sorted(found)
    assert [one for one in found if one in names] == names


async def test_patch_reaches_every_worker_within_half_a_second(operator: Api, name: str) -> None:
    await create(operator, name)
    await eventually(operator, f"/v1/sales/{name}/status", "message", None)

    async def patched(turn: int) -> float:
        message = f"{turn} minutes"
        changed = await operator.patch(
            f"/v1/sales/{name}", {"message": message, "new_users_per_minute": 60 + turn}
        )
        assert (changed.status, changed.body["new_users_per_minute"]) == (200, 60 + turn)
        seconds = await eventually(operator, f"/v1/sales/{name}/status", "message", message)
        await eventually(operator, f"/v1/sales/{name}", "new_users_per_minute", 60 + turn)
        return seconds

    await in_time(patched, 0.75)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"currency": "USD"}, "currency"),
        ({"plan": {}}, "plan"),
        ({"x": 1}, "x"),
        ({"burst": 0}, "burst"),
    ],
)
async def test_patch_refuses_by_name(
    operator: Api, name: str, changes: dict[str, object], field: str
) -> None:
    await create(operator, name)
    refused = await operator.patch(f"/v1/sales/{name}", changes)
    assert (refused.status, refused.code, refused.body["field"]) == (400, "invalid_request", field)


async def test_start_cannot_be_moved_once_it_has_passed(operator: Api, name: str) -> None:
    await create(operator, name, event_start_time=PAST)
    refused = await operator.patch(f"/v1/sales/{name}", {"event_start_time": FUTURE})
    assert (refused.status, refused.code) == (409, "sale_started")
    shown = (await operator.get(f"/v1/sales/{name}")).body
    assert (shown["event_start_time"], shown["state"]) == (PAST, "open")


async def test_open_starts_a_scheduled_sale_now(operator: Api, name: str) -> None:
    await create(operator, name, event_start_time=FUTURE)
    assert (await operator.get(f"/v1/sales/{name}")).body["state"] == "scheduled"
    opened = await operator.post(f"/v1/sales/{name}/open")
    assert (opened.status, opened.body["state"]) == (200, "open")
    assert opened.body["event_start_time"] < FUTURE
    await eventually(operator, f"/v1/sales/{name}/status", "state", "open")


async def test_only_a_closed_sale_is_deleted_and_its_name_is_free_again(
    operator: Api, name: str
) -> None:
    await create(operator, name)
    early = await operator.delete(f"/v1/sales/{name}")
    assert (early.status, early.code) == (409, "sale_not_closed")
    assert (await operator.post(f"/v1/sales/{name}/close")).body["state"] == "closed"
    first = (await operator.get(f"/v1/sales/{name}")).body["uid"]
    assert (await operator.delete(f"/v1/sales/{name}")).status == 204
    await eventually(operator, f"/v1/sales/{name}", "code", "unknown_sale")
    await create(operator, name)
    assert (await operator.get(f"/v1/sales/{name}")).body["uid"] != first


async def test_unknown_sale_is_404_everywhere(operator: Api) -> None:
    for method, path in [
        ("GET", "/v1/sales/none"),
        ("GET", "/v1/sales/none/status"),
        ("PATCH", "/v1/sales/none"),
        ("POST", "/v1/sales/none/open"),
        ("DELETE", "/v1/sales/none"),
        ("POST", "/v1/sales/none/tickets"),
    ]:
        answer = await operator.call(method, path, {} if method == "PATCH" else None)
        assert (answer.status, answer.code) == (404, "unknown_sale"), (method, path)


CHANGES = [
    ("PUT", ""),
    ("PATCH", ""),
    ("DELETE", ""),
    ("PUT", "/plan"),
    ("POST", "/open"),
    ("POST", "/pause"),
    ("POST", "/resume"),
    ("POST", "/drain"),
    ("POST", "/close"),
]


@pytest.mark.parametrize(("method", "suffix"), CHANGES)
async def test_changing_needs_the_operator_role(
    operator: Api, platform: Api, name: str, method: str, suffix: str
) -> None:
    await create(operator, name)
    path = f"/v1/sales/{name}{suffix}"
    for other, status, code in [
        (operator.as_(None), 401, "unauthorized"),
        (operator.as_("wrong"), 401, "unauthorized"),
        (platform, 403, "forbidden"),
    ]:
        answer = await other.call(method, path, NIGHT)
        assert (answer.status, answer.code) == (status, code)


async def test_reading_needs_the_viewer_role(
    operator: Api, shared_service: Service, name: str
) -> None:
    await create(operator, name)
    viewer = operator.as_(make_key(shared_service, "viewer"))
    for path in ("/v1/sales", f"/v1/sales/{name}"):
        assert (await viewer.get(path)).status == 200
        assert (await operator.as_(None).get(path)).status == 401


async def test_revoked_key_is_refused_soon(operator: Api, shared_service: Service) -> None:
    secret = make_key(shared_service, "viewer")
    viewer = operator.as_(secret)
    assert (await viewer.get("/v1/sales")).status == 200
    listed = keys_command(shared_service, "list")
    key_id = [line.split()[0] for line in listed.splitlines() if " live " in line][-1]
    keys_command(shared_service, "revoke", key_id)
    await asyncio.sleep(2.2)  # what workers may remember a key for
    assert (await viewer.get("/v1/sales")).status == 401
