"""The crowd that buys a plan out, and the benchmark's audit of what it bought."""

import random
from argparse import Namespace
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import delete, update

from bench.soldout import BENCH, Venue, core, differences, sell_out
from holdfast_ledger.database.schema import sold
from holdfast_loadtest.sellout import Held, Refused, Sellout, SelloutFailed

SEATS = 1000
SMALL = ("--seats", str(SEATS), "--buyers", "30")
OPTIONS = Namespace(buyers=20, minutes=1.0)


@pytest.fixture
async def venue(tmp_path: Path) -> AsyncIterator[Venue]:
    async with core(f"sqlite:///{tmp_path / 'ledger.db'}", SEATS, tmp_path) as opened:
        yield opened


def test_plan_is_sold_out_and_the_books_agree(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    assert BENCH.main([*SMALL, "--ways", "paying", "--url", url]) == 0
    shown = capsys.readouterr().out
    assert f"{SEATS:,} seats in " in shown
    assert "store, ledger and buyers agree on every seat" in shown
    assert "seat_unavailable" in shown  # a map that is half a second old is wrong sometimes


def test_sale_whose_books_differ_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Catches a benchmark that reports how fast it sold seats twice."""

    async def found(*_: object) -> list[str]:
        return ["a seat was confirmed to two buyers"]

    monkeypatch.setattr("bench.soldout.differences", found)
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    with pytest.raises(SystemExit, match="a seat was confirmed to two buyers"):
        BENCH.main([*SMALL, "--ways", "core", "--url", url])


async def test_audit_finds_a_seat_that_the_ledger_lost_or_gave_to_another(venue: Venue) -> None:
    account = await sell_out(venue, OPTIONS)
    assert await differences(venue, account) == []
    async with venue.ledger.database.writing() as connection:
        await connection.execute(update(sold).where(sold.c.seat == 7).values(order_id="another"))
    assert await differences(venue, account) == [
        "buyers were told otherwise than the ledger has it",
        "the store's orders are not the ledger's",
    ]
    async with venue.ledger.database.writing() as connection:
        await connection.execute(delete(sold).where(sold.c.seat == 7))
    assert "`sold` has 999 rows" in await differences(venue, account)


async def test_audit_finds_a_seat_that_two_buyers_were_promised(venue: Venue) -> None:
    account = await sell_out(venue, OPTIONS)
    order, seats = next(iter(account.bought.items()))
    account.bought["twice"] = seats
    account.sold += len(seats)
    assert "a seat was confirmed to two buyers" in await differences(venue, account), order


class ListStorefront:
    """A storefront over a plain list of free seats, which may refuse to give the last one away."""

    def __init__(self, seats: int, *, keeps: int = 0) -> None:
        self.free = list(range(seats))
        self.keeps = keeps

    async def states(self) -> str:
        return ""

    async def best(self, buyer: str, quantity: int) -> Held:
        if len(self.free) - self.keeps < quantity:
            raise Refused("sold_out")
        taken = tuple(self.free[:quantity])
        del self.free[:quantity]
        return Held(f"{buyer}-{random.random()}", taken, 0)

    async def seats(self, buyer: str, seats: tuple[int, ...]) -> Held:
        raise AssertionError("the map shows nothing")

    async def paying(self, held: Held) -> None: ...

    async def confirm(self, held: Held) -> None: ...

    async def release(self, buyer: str, held: Held) -> None:
        self.free += held.seats


async def test_seats_that_were_given_back_are_bought_by_somebody_else() -> None:
    account = await Sellout(ListStorefront(500), 500, buyers=7).run(10)
    assert account.seconds["release"]
    assert sorted(seat for seats in account.bought.values() for seat in seats) == [*range(500)]
    assert len(account.seconds["confirm"]) == len(account.bought)
    assert account.percentile_ms("hold", 0.5) <= account.percentile_ms("hold", 0.99)


async def test_sale_that_does_not_sell_everything_is_a_failure() -> None:
    with pytest.raises(SelloutFailed, match="498 are sold"):
        await Sellout(ListStorefront(500, keeps=2), 500, buyers=7).run(10)


async def test_sale_is_bounded_in_time(venue: Venue) -> None:
    with pytest.raises(SelloutFailed, match="of 1,000 seats in 0 s"):
        await Sellout(venue.storefront, SEATS, buyers=5).run(0.1)


def test_plan_is_sold_out_over_http_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    assert BENCH.main([*SMALL, "--buyers", "8", "--ways", "http", "--url", url]) == 0
    shown = capsys.readouterr().out
    assert "store, ledger and buyers agree on every seat" in shown
