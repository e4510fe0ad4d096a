"""A new operator sells a sale out with the command line alone, in a terminal."""

import csv
import io
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import aiohttp
import pytest
from support.api_client import Api, eventually, make_key
from support.commands.running import document, done
from support.commands.terminal import Terminal
from support.service.running import Service, StartService

SEATS = [f"A-{number}" for number in range(1, 5)]
PLAN = {
    "categories": [{"name": "I"}],
    "zones": [
        {
            "name": "Stalls",
            "rows": [
                {
                    "row_number": "A",
                    "seats": [
                        {
                            "seat_guid": guid,
                            "seat_number": str(at),
                            "category": "I",
                            "position": {"x": 20 * at, "y": 0},
                        }
                        for at, guid in enumerate(SEATS, 1)
                    ],
                }
            ],
        }
    ],
}
OpenTerminal = Callable[..., Terminal]


@pytest.fixture
def service(start_service: StartService) -> Service:
    return start_service()


@pytest.fixture
def terminal(service: Service) -> OpenTerminal:
    """Runs a command of the operator, who is in the data directory's machine."""
    environ = {"PATH": os.environ["PATH"], "HOLDFAST_DATA_DIR": str(service.data_dir)}

    def opened(*arguments: str) -> Terminal:
        return Terminal([Path(sys.executable).with_name("holdfast"), *arguments], environ)

    return opened


def create_by_questions(terminal: OpenTerminal, plan: Path) -> None:
    with terminal("sale", "create") as screen:
        screen.answer("What is on sale", "Spring gala")
        screen.answer("Its name in addresses [spring-gala]")
        screen.answer("Currency [EUR]", "euro")
        screen.answer("Currency [EUR]", "EUR")
        screen.answer("Seating plan", str(plan))
        screen.answer("An area without numbers too?", "y")
        screen.answer("Name of the area", "Floor")
        screen.answer("Places in it", "none")
        screen.answer("Places in it", "3")
        screen.answer("Its price category [I]", "GA")
        screen.answer("Another area?", "n")
        screen.answer("Price of I in EUR", "90")
        screen.answer("Price of GA in EUR", "45.505")
        screen.answer("Price of GA in EUR", "45.5")
        screen.answer("Start", "tomorrow")
        screen.answer("Start", "2037-03-01T20:00")
        screen.answer("Visitors to let in per minute, as many as the shop can bear [600]")
        screen.answer("Visitors inside at the same time [1000]")
        screen.answer("Seats and places that one buyer may have [6]", "4")
        screen.answer("Origin of the shop")
        screen.answer("Create it? [Y/n]")
        screen.wait_for("spring-gala (Spring gala) is scheduled: 7 units are on sale")
        assert screen.end() == 0


async def buy(operator: Api, platform: Api, request: dict[str, object]) -> str:
    """A visitor of the crowd goes through the line, and the shop sells to them; the order."""
    buyer = await operator.admitted("spring-gala")
    held = await buyer.hold("spring-gala", request)
    assert held.status == 201, held
    confirmed = await platform.confirm("spring-gala", held.body)
    assert confirmed.status == 200, confirmed
    return str(held.body["id"])


async def test_sale_is_sold_out_with_the_command_line_alone(
    service: Service, terminal: OpenTerminal, http: aiohttp.ClientSession, tmp_path: Path
) -> None:
    plan = tmp_path / "hall.json"
    plan.write_text(json.dumps(PLAN))
    create_by_questions(terminal, plan)
    sale = document(service, "sale", "show", "spring-gala")
    assert sale["prices"] == {"I": 9000, "GA": 4550}
    assert (sale["state"], sale["max_units_per_buyer"]) == ("scheduled", 4)

    done(service, "seats", "block", "spring-gala", "A-4")
    assert "is open" in done(service, "sale", "open", "spring-gala")
    told = done(service, "sale", "set", "spring-gala", "new_users_per_minute=6000")
    assert told == "new_users_per_minute: 600 -> 6,000\n"

    operator = Api(http, service.url, service.operator_key)
    platform = operator.as_(make_key(service, "platform"))
    stalls = await buy(operator, platform, {"seats": SEATS[:3]})
    floor = await buy(operator, platform, {"areas": [{"id": "floor", "quantity": 3}]})
    await eventually(operator, "/v1/sales/spring-gala", "state", "sold_out")

    with terminal("orders", "refund", "spring-gala", floor, "--area", "floor=1") as screen:
        screen.answer("1 x floor will be on sale again. Go on? [y/N]", "y")
        screen.wait_for("€45.50 of it is to be paid back")
        assert screen.end() == 0
    await eventually(operator, "/v1/sales/spring-gala", "state", "open")
    await buy(operator, platform, {"areas": [{"id": "floor", "quantity": 1}]})

    orders = tmp_path / "orders.csv"
    done(service, "orders", "export", "spring-gala", "--output", str(orders))
    rows = list(csv.DictReader(io.StringIO(orders.read_text())))
    assert [row["id"] for row in rows][:2] == [stalls, floor]
    assert sum(int(row["total"]) - int(row["refunded_amount"]) for row in rows) == 3 * 13550

    with terminal("sale", "close", "spring-gala") as screen:
        screen.answer("Go on? [y/N]", "n")
        assert screen.end() == 1
    await eventually(operator, "/v1/sales/spring-gala", "state", "sold_out")
    with terminal("sale", "close", "spring-gala") as screen:
        screen.answer("Closing spring-gala is final", "y")
        screen.wait_for("spring-gala is closed.")
        assert screen.end() == 0
    look_back(service, terminal, tmp_path)


def look_back(service: Service, terminal: OpenTerminal, tmp_path: Path) -> None:
    """What an operator does after the sale."""
    with terminal("sale", "watch", "spring-gala") as screen:
        screen.wait_for("Spring gala is closed")
        assert screen.end() == 0

    page = tmp_path / "report.html"
    done(service, "sale", "report", "spring-gala", "--output", str(page))
    assert page.read_text().startswith("<!doctype html>")
    told = done(service, "sale", "report", "spring-gala")
    assert "6 of 7" in told
    assert "payments, orders and tickets agree" in told

    told = done(service, "audit", "spring-gala")
    actions = ("sale.close", "order.refund", "sale.patch", "sale.open", "seats.block", "sale.put")
    assert [told.index(action) for action in actions] == sorted(map(told.index, actions))
    with terminal("sale", "delete", "spring-gala") as screen:
        screen.answer("Go on? [y/N]", "y")
        screen.answer("Type their number", "2")
        assert screen.end() == 1
    with terminal("sale", "delete", "spring-gala") as screen:
        screen.answer("Go on? [y/N]", "y")
        screen.answer("spring-gala has 3 orders. Type their number", "3")
        screen.wait_for("spring-gala is deleted")
        assert screen.end() == 0
    (deleted,) = document(service, "sale", "list", "--deleted")
    assert len(document(service, "orders", "list", f"uid:{deleted['uid']}")) == 3
