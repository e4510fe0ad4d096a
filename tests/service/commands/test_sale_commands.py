"""`holdfast sale`, `orders` and `seats` against a running service."""

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from support.api_client import PLAN, Api, create, eventually, make_key
from support.commands.running import document, done, run
from support.service.running import Service, StartService, wait_until

PRICES = 'prices={"GA":4500,"I":9000,"II":6000,"VIP":15000}'
AREAS = 'areas=[{"id":"floor","name":"Floor","capacity":100,"category":"GA"}]'


async def sold(platform: Api, sale: str, quantity: int = 2, **names: object) -> str:
    """The id of an order of this many places on the floor."""
    body = {"areas": [{"id": "floor", "quantity": quantity}], "buyer": names.pop("buyer", "b")}
    hold = (await platform.hold(sale, body)).body
    paid = {"order_ref": "A-1", "payment_ref": "pay", "amount": hold["total"], **names}
    confirmed = await platform.post(f"/v1/sales/{sale}/holds/{hold['id']}/confirm", paid)
    assert confirmed.status == 200, confirmed
    return str(hold["id"])


def test_sale_goes_from_creation_to_deletion(shared_service: Service, name: str) -> None:
    made = done(shared_service, "sale", "create", name, "name=Gala", AREAS, 'prices={"GA": 4500}')
    assert made.splitlines()[0] == f"{name} (Gala) is open: 100 units are on sale"
    assert name in done(shared_service, "sale", "list")
    for operation, state in {"pause": "paused", "resume": "open", "open": "open"}.items():
        assert f"{name} is {state}." in done(shared_service, "sale", operation, name)
    assert "Undo: holdfast sale resume" in done(shared_service, "sale", "pause", name)
    for operation, state in {"drain": "draining", "close": "closed"}.items():
        assert document(shared_service, "sale", operation, name, "--yes")["state"] == state
    assert "is deleted" in done(shared_service, "sale", "delete", name, "--yes")
    # Another worker may know it a moment longer.
    wait_until(lambda: run(shared_service, "sale", "show", name).exit_code == 5)


def test_sale_is_created_from_a_toml_file(
    shared_service: Service, name: str, tmp_path: Path
) -> None:
    file = tmp_path / "gala.toml"
    (tmp_path / "hall.json").write_bytes(PLAN.read_bytes())
    file.write_text(
        f"""
        sale = "{name}"
        name = "Gala"
        event_start_time = 2037-03-01T20:00:00+01:00
        plan = "hall.json"
        [prices]
        I = 9000
        II = 6000
        VIP = 15000
        GA = 4500
        [[areas]]
        id = "floor"
        name = "Floor"
        capacity = 100
        category = "GA"
        """
    )
    made = document(shared_service, "sale", "create", "--file", str(file), "burst=7")
    assert made["sale"] == name
    assert made["event_start_time"] == "2037-03-01T20:00:00+01:00"
    assert (made["state"], made["burst"]) == ("scheduled", 7)
    assert made["counts"]["free"] > 100


def test_sale_is_created_from_a_json_file(
    shared_service: Service, name: str, tmp_path: Path
) -> None:
    area = {"id": "floor", "name": "Floor", "capacity": 100, "category": "GA"}
    plan = json.loads(PLAN.read_text())
    fields = {
        "sale": "name-of-the-file",
        "name": "Gala",
        "event_start_time": "2037-03-01T20:00:00+01:00",
        "prices": {"I": 9000, "II": 6000, "VIP": 15000, "GA": 4500},
        "areas": [area],
        "burst": 3,
        "plan": plan,
    }
    file = tmp_path / "gala.json"
    file.write_text(json.dumps(fields))
    made = document(shared_service, "sale", "create", name, "--file", str(file), "burst=7")
    assert (made["sale"], made["burst"], made["state"]) == (name, 7, "scheduled")
    assert (made["prices"], made["areas"][0]["name"]) == (fields["prices"], "Floor")
    rows = (row for zone in plan["zones"] for row in zone["rows"])
    seats = sum(len(row["seats"]) for row in rows)
    assert made["counts"]["free"] == 100 + seats
    assert run(shared_service, "sale", "show", "name-of-the-file").exit_code == 5


@pytest.mark.parametrize("text", ['name = "Gala"', "[]", '{"name": "Gala"'])
def test_file_that_is_no_sale_in_json_is_a_wrong_use(
    shared_service: Service, name: str, tmp_path: Path, text: str
) -> None:
    file = tmp_path / "gala.json"
    file.write_text(text)
    refused = run(shared_service, "sale", "create", name, "--file", str(file))
    assert (refused.exit_code, str(file) in refused.stderr) == (2, True)
    assert run(shared_service, "sale", "show", name).exit_code == 5


async def test_copy_has_plan_and_settings_but_for_the_fields_given(
    operator: Api, shared_service: Service, name: str
) -> None:
    start = "event_start_time=2037-03-01T20:00:00+01:00"
    settings = (AREAS, PRICES, "burst=7", "max_units_per_buyer=4", start)
    first = document(
        shared_service, "sale", "create", name, "name=Hall", *settings, "--plan", str(PLAN)
    )
    done(shared_service, "sale", "set", name, "message=Of the first night.")
    await eventually(operator, f"/v1/sales/{name}", "message", "Of the first night.")
    again = f"{name}-2"
    told = done(shared_service, "sale", "copy", name, again, "name=Second night", "burst=9")
    assert told == f"{again} (Second night) is scheduled\n"
    made = document(shared_service, "sale", "show", again)
    kept = ("event_start_time", "prices", "areas", "max_units_per_buyer", "counts")
    assert [made[field] for field in kept] == [first[field] for field in kept]
    assert (made["burst"], made["message"]) == (9, None)
    assert made["uid"] != first["uid"]

    taken = run(shared_service, "sale", "copy", name, again)
    assert taken.exit_code == 1
    assert document(shared_service, "sale", "show", again)["name"] == "Second night"
    (entry,) = document(shared_service, "audit", again)
    assert (entry["action"], entry["detail"]["of"]) == ("sale.copy", name)
    assert run(shared_service, "sale", "copy", "no-such-sale", f"{name}-3").exit_code == 5


def test_existing_sale_is_not_replaced_by_mistake(shared_service: Service, name: str) -> None:
    arguments = ("sale", "create", name, AREAS, 'prices={"GA": 1}')
    done(shared_service, *arguments, "name=First")
    refused = run(shared_service, *arguments, "name=Second")
    assert refused.exit_code == 1
    assert "exists (First, open)" in refused.stderr
    assert document(shared_service, "sale", "show", name)["name"] == "First"
    assert document(shared_service, *arguments, "name=Second", "--replace")["name"] == "Second"


async def test_settings_are_changed_while_people_wait(
    operator: Api, shared_service: Service, name: str
) -> None:
    await create(operator, name)
    told = done(shared_service, "sale", "set", name, "new_users_per_minute=1200", "message=2027")
    assert told == "new_users_per_minute: 600 -> 1,200\nmessage: - -> 2027\n"
    await eventually(operator, f"/v1/sales/{name}", "message", "2027")
    assert document(shared_service, "sale", "set", name, "message=")["message"] is None
    misspelt = run(shared_service, "sale", "set", name, "burts=3", "message=not sent")
    assert misspelt.exit_code == 1
    assert "Is burst meant?" in misspelt.stderr
    await eventually(operator, f"/v1/sales/{name}", "message", None)


async def test_what_cannot_be_undone_needs_a_yes(
    operator: Api, shared_service: Service, name: str
) -> None:
    await create(operator, name)
    for command in (("close", name), ("drain", name), ("delete", name)):
        asked = run(shared_service, "sale", *command)
        assert asked.exit_code == 2
        assert "--yes" in asked.stderr
    assert document(shared_service, "sale", "show", name)["state"] == "open"


async def test_orders_are_found_refunded_and_exported(
    operator: Api, platform: Api, shared_service: Service, name: str
) -> None:
    await create(operator, name)
    first = await sold(platform, name, buyer="=cmd|'/c calc'!A1")
    second = await sold(platform, name, quantity=1)
    listed = done(shared_service, "orders", "list", name)
    assert [first in line for line in listed.splitlines()] == [False, True, False]
    assert len(document(shared_service, "orders", "list", name, "--limit", "1")) == 1
    shown = done(shared_service, "orders", "show", name, second)
    assert "€45.00" in shown

    unasked = run(shared_service, "orders", "refund", name, first, "--area", "floor=1")
    assert unasked.exit_code == 2
    partly = ("orders", "refund", name, first, "--area", "floor=1", "--yes")
    assert document(shared_service, *partly)["refunded_amount"] == 4500
    assert "€45.00 of it" in done(shared_service, "orders", "refund", name, second, "--yes")
    chosen = document(shared_service, "orders", "list", name, "--status", "refunded")
    assert [order["id"] for order in chosen] == [second]

    text = done(shared_service, "orders", "export", name, "--bom")
    assert text.startswith("\ufeff")
    rows = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))
    assert [row["id"] for row in rows] == [first, second]
    assert rows[0]["buyer"] == "'=cmd|'/c calc'!A1"
    assert (rows[0]["units"], rows[0]["refunded_amount"]) == ("2", "4500")
    lines = done(shared_service, "orders", "export", name, "--format", "jsonl").splitlines()
    assert [json.loads(line)["id"] for line in lines] == [first, second]


async def test_abnormal_orders_are_listed_exported_and_resolved(
    operator: Api, platform: Api, shared_service: Service, name: str
) -> None:
    await create(operator, name, verify_amount=False)
    flagged, plain = await sold(platform, name, amount=1), await sold(platform, name)
    listing = ("orders", "list", name, "--flag", "any")
    (order,) = wait_until(lambda: document(shared_service, *listing))
    assert (order["id"], order["flags"]) == (flagged, ["amount_mismatch"])
    for kind, found in {"amount_mismatch": [flagged], "paid_late": []}.items():
        exported = done(
            shared_service, "orders", "export", name, "--flag", kind, "--format", "jsonl"
        )
        assert [json.loads(line)["id"] for line in exported.splitlines()] == found
    every = done(shared_service, "orders", "list", name).splitlines()
    assert [line.endswith("amount_mismatch") for line in every if "A-1" in line] == [True, False]
    misspelt = run(shared_service, "orders", "list", name, "--flag", "late")
    assert (misspelt.exit_code, "paid_late" in misspelt.stderr) == (1, True)

    resolving = ("orders", "resolve", name, flagged, "--note", "The bank has paid it back.")
    assert run(shared_service, *resolving).exit_code == 2
    assert document(shared_service, *listing) == [order]
    assert f"{flagged} is resolved" in done(shared_service, *resolving, "--yes")
    assert document(shared_service, *listing) == []
    left = document(shared_service, "orders", "list", name)
    assert [("flags" in one, one["id"]) for one in left] == [(False, flagged), (False, plain)]
    (entry, *_) = document(shared_service, "audit", name, "--action", "order.resolve")
    assert entry["detail"] == {"order": flagged, "note": "The bank has paid it back."}
    assert run(shared_service, "orders", "resolve", name, "no-order", "--yes").exit_code == 5


async def test_export_is_written_whole_or_not_at_all(
    operator: Api, platform: Api, shared_service: Service, name: str, tmp_path: Path
) -> None:
    await create(operator, name)
    await sold(platform, name)
    file = tmp_path / "orders.csv"
    run(shared_service, "orders", "export", name, "--output", str(file))
    assert len(file.read_text().splitlines()) == 2
    before = file.read_text()
    gone = run(shared_service, "orders", "export", "no-such-sale", "--output", str(file))
    assert gone.exit_code == 5
    assert file.read_text() == before
    assert not file.with_name("orders.csv.part").exists()


async def test_holds_are_listed_and_given_back_by_force(
    operator: Api, platform: Api, shared_service: Service, name: str
) -> None:
    await create(operator, name)
    held = [
        (
            await platform.hold(name, {"areas": [{"id": "floor", "quantity": 2}], "buyer": buyer})
        ).body
        for buyer in ("first", "second")
    ]
    listed = done(shared_service, "holds", "list", name).splitlines()
    assert ["first" in listed[1], "second" in listed[2]] == [True, True]
    assert "2 x floor" in listed[1]
    assert document(shared_service, "holds", "list", name, "--older", "3600") == []
    unasked = run(shared_service, "holds", "release", name, held[0]["id"])
    assert unasked.exit_code == 2
    assert "is released" in done(shared_service, "holds", "release", name, held[0]["id"], "--yes")
    left = document(shared_service, "holds", "list", name)
    assert [hold["id"] for hold in left] == [held[1]["id"]]
    again = await platform.get(f"/v1/sales/{name}/holds/{held[0]['id']}")
    assert again.body["reason"] == "operator"


def test_seats_are_taken_off_sale_and_put_back(shared_service: Service, name: str) -> None:
    done(shared_service, "sale", "create", name, "name=Hall", AREAS, PRICES, "--plan", str(PLAN))
    free = done(shared_service, "seats", "list", name, "--state", "free").split()
    told = done(shared_service, "seats", "block", name, free[0], free[1])
    assert told.startswith("2 seats are off sale.")
    # Another worker may show the map of a moment ago.
    blocked = wait_until(lambda: done(shared_service, "seats", "list", name))
    assert blocked.split() == free[:2]
    assert document(shared_service, "seats", "unblock", name, "-f", "-", given=blocked) == {
        "unblocked": 2
    }
    plan = json.loads(PLAN.read_text())
    zone = plan["zones"][0]
    row = zone["rows"][0]
    whole = f"{zone['name']}/{row['row_number']}"
    answer = document(shared_service, "seats", "block", name, "--row", whole)
    assert answer == {"blocked": len(row["seats"]), "unavailable": []}
    unknown = run(shared_service, "seats", "block", name, "--row", "Nowhere/1")
    assert unknown.exit_code == 2
    missing = run(shared_service, "seats", "block", name, "no-such-seat")
    assert (missing.exit_code, "no-such-seat" in missing.stderr) == (1, True)


def test_more_seats_than_a_call_takes_are_blocked(shared_service: Service, name: str) -> None:
    done(shared_service, "sale", "create", name, "name=Hall", AREAS, PRICES, "--plan", str(PLAN))
    free = done(shared_service, "seats", "list", name, "--state", "free")
    count = len(free.split())
    assert count > 1000
    answer = document(shared_service, "seats", "block", name, "--file", "-", given=free)
    assert answer == {"blocked": count, "unavailable": []}


def test_refusals_are_told_with_what_to_do(shared_service: Service) -> None:
    unknown = run(shared_service, "sale", "show", "no-such-sale")
    assert unknown.exit_code == 5
    assert unknown.stderr == (
        "Error: No sale has this name.\n  -> `holdfast sale list` shows the names.\n"
    )
    as_json = run(shared_service, "sale", "show", "no-such-sale", "--json")
    assert json.loads(as_json.stderr)["code"] == "unknown_sale"
    assert as_json.stdout == ""


def test_key_says_what_may_be_done(shared_service: Service, name: str) -> None:
    viewer = make_key(shared_service, "viewer")
    assert run(shared_service, "sale", "list", HOLDFAST_KEY=viewer).exit_code == 0
    forbidden = run(shared_service, "sale", "pause", name, HOLDFAST_KEY=viewer)
    unknown = run(shared_service, "sale", "list", HOLDFAST_KEY="hfk_nobody")
    assert (forbidden.exit_code, unknown.exit_code) == (4, 4)
    assert "hfk_nobody" not in unknown.output


def test_service_that_is_not_there_is_unreachable(
    shared_service: Service, unused_tcp_port: int
) -> None:
    gone = run(shared_service, "sale", "list", "--url", f"http://127.0.0.1:{unused_tcp_port}")
    assert gone.exit_code == 3
    assert "does not answer: Connection refused" in gone.stderr


async def test_roles_with_listeners_of_their_own_are_found(start_service: StartService) -> None:
    """Sales, orders and seat maps are asked for where each is served."""
    service = start_service(
        HOLDFAST_LISTEN_SHOP="127.0.0.1:0", HOLDFAST_LISTEN_OPERATOR="127.0.0.1:0"
    )
    done(service, "sale", "create", "gala", "name=Gala", AREAS, 'prices={"GA": 4500}')
    assert document(service, "orders", "list", "gala") == []
    assert document(service, "seats", "list", "gala") == []
    elsewhere = run(service, "orders", "list", "gala", "--url", service.url)
    assert elsewhere.exit_code == 5
    assert "listen_shop" in elsewhere.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_of_a_shell_is_printed(shared_service: Service, shell: str) -> None:
    assert "_HOLDFAST_COMPLETE" in done(shared_service, "completion", shell)


def test_shell_completes_the_names_of_sales(shared_service: Service, name: str) -> None:
    done(shared_service, "sale", "create", name, "name=Gala", AREAS, 'prices={"GA": 4500}')
    environ = {
        "COMP_WORDS": f"holdfast sale show {name[:-1]}",
        "COMP_CWORD": "3",
        "_HOLDFAST_COMPLETE": "bash_complete",
        "HOLDFAST_DATA_DIR": str(shared_service.data_dir),
    }
    program = Path(sys.executable).with_name("holdfast")
    told = subprocess.run([program], env=environ, capture_output=True, text=True, check=True)
    assert told.stdout == f"plain,{name}\n"
