"""The model can fail: whoever takes one of the promises out of the code is found out.

Scripts are changed in a copy, Python by replacing one function, the schema in a copy of the
ledger. A mutant counts as caught only by a violation of the kind that it must lead to.
"""

from __future__ import annotations

import shutil
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import pytest
from model.schedule import DEEDS, OPERATIONS, Failure, Move, Schedule
from model.theatre import House, opened
from script_edits import Edits
from sqlalchemy import text

from holdfast_inventory.confirm import ConfirmRequest
from holdfast_inventory.ledger import Ledger, Order, RebuildState
from holdfast_inventory.ledger.decide import Step, decide
from holdfast_inventory.ledger.intents import Intent
from holdfast_inventory.orders import BoxOffice, Stock, holds_of_ledger
from holdfast_inventory.plan import Plan
from holdfast_inventory.recovery import Recovery
from holdfast_inventory.refund import Refunding, RefundRequest
from holdfast_inventory.settings import StockSettings
from holdfast_inventory.telling import give_up
from holdfast_lua import keys
from holdfast_lua.codes import Code
from holdfast_lua.stock_calls import StockCalls
from holdfast_lua.stock_records import HoldRecord
from holdfast_lua.stock_terms import HoldAnswer

SEEDS = range(150)
Caught = Callable[..., Awaitable[Failure]]
Told = Callable[..., Awaitable[Failure]]


def do(kind: str, deed: str, worker: int = 0, c: int = 0) -> Move:
    """A request at this worker, of this worker's buyer, about the newest hold."""
    return Move(kind, list(DEEDS).index(deed), worker, c)


def cues(count: int, at: int = 0) -> tuple[Move, ...]:
    """So many calls happen, each the one that waits at this place."""
    return (Move("cue", at),) * count


def schedule(*moves: Move | tuple[Move, ...]) -> Schedule:
    """Schedules that chance finds too seldom, written down."""
    flat: list[Move] = []
    for move in moves:
        flat += [move] if isinstance(move, Move) else move
    return Schedule("reacquire_same", tuple(flat))


TWO_MINUTES = Move("time", 2)
BEGUN = (do("rush", "hold"), do("ask", "confirm"), *cues(2))
"""the confirm of the first worker waits for its turn in the ledger"""
SALE_COMES_LATE = schedule(
    BEGUN, do("rush", "recover", 1), TWO_MINUTES, do("rush", "recover", 1), cues(1)
)
VOID_TOLD_LATE = schedule(
    BEGUN,
    Move("die_before"),
    do("rush", "sweep", 2),
    do("rush", "recover", 1),
    TWO_MINUTES,
    do("ask", "recover", 1),
    cues(8),  # the order is void, the store has yet to be told
    do("ask", "confirm", 2),
    cues(6, at=1),  # that is noticed, the hold freed and reacquired
    cues(1),
)
INSTALLER_SLEEPS = schedule(
    do("rush", "sweep", 1),
    do("rush", "sweep", 2),
    Move("wipe"),
    do("ask", "sweep", 1),
    cues(8),  # it has read what it is about to install
    do("rush", "sweep", 2),  # installs the same epoch, loses it, and installs the next
    Move("wipe"),
    do("rush", "sweep", 2),
    Move("run", 1),
)
LOST_WHILE_PAYING = schedule(
    do("rush", "hold"), do("rush", "pay"), Move("wipe"), do("rush", "sweep")
)
REBUILT_MEANWHILE = schedule(BEGUN, Move("wipe"), *(do("rush", "sweep", 1),) * 2, cues(1))
PAID_LOST_AND_CANCELLED = schedule(
    do("rush", "hold"),
    Move("wipe"),
    *(do("rush", "sweep"),) * 2,
    do("rush", "cancel"),
    do("rush", "confirm"),
)
"""was answered `amount_mismatch`, and the payment had no record"""
PAID_BACK_AND_ASKED_AGAIN = Schedule(
    "reacquire_equivalent",
    (
        Move("rush", 0, 607, 578),
        Move("rush", 0, 390, 357),
        Move("time", 3),
        Move("time", 3),
        Move("rush", 0, 268, 549),
        Move("rush", list(DEEDS).index("confirm"), 744, 169),  # the buyer has too many: lost
        Move("rush", list(DEEDS).index("refund"), 564, 837),
    ),
)
"""the confirm that is repeated at the end took seats again, and booked them for nobody"""
KEY_USED_AGAIN_AFTER_A_LOSS = Schedule(
    "reacquire_same",
    (
        Move("rush", 0, 482, 796),
        Move("wipe"),
        Move("rush", 3, 470, 339),
        Move("ask", list(DEEDS).index("confirm"), 163, 585),
        Move("ask", 0, 290, 616),
    ),
)
"""the key of a hold that the store has forgotten gets another one, which the payment is not for"""
FIVE_MINUTES, PAST_THE_HOLD = Move("time", 3), Move("time", 4)
CLOSE = do("rush", "operate", c=OPERATIONS.index("close"))
EXTENDED_THRICE = schedule(do("rush", "hold"), *(FIVE_MINUTES, do("rush", "extend")) * 3)
CLOSED = schedule(CLOSE, do("rush", "hold"))
PAID_LATE_AND_CLOSED = schedule(do("rush", "hold"), CLOSE, PAST_THE_HOLD, do("rush", "confirm"))
PAID_LATE_WITH_TOO_MANY = schedule(
    do("rush", "hold", c=4),  # three seats
    PAST_THE_HOLD,
    do("rush", "hold", 21, c=2),  # the same buyer, another key, two seats
    do("rush", "confirm", 3),  # the first one
)
BLOCKED_AND_UNBLOCKED = schedule(
    do("rush", "hold"), do("rush", "block"), do("rush", "unblock"), do("rush", "release")
)
ONE_SEAT_FOR_TWO = schedule(
    Move("snapshot"),
    BEGUN,
    Move("roll_back"),
    do("rush", "hold", 1),
    do("ask", "confirm", 1),
    cues(2, at=1),
    Move("together"),
)


@pytest.fixture
def caught(playhouse: House, tmp_path: Path) -> Caught:
    """The violation that the schedules find with these edits in the scripts."""

    async def search(edits: Edits | None = None, *, seeds: range = SEEDS) -> Failure:
        async with opened(playhouse, edits=edits, scratch=tmp_path) as theatre:
            found = await theatre.search(seeds)
            assert found is not None, f"the mutant outlived {len(seeds)} schedules"
            return found[1]

    return search


@pytest.fixture
def told(playhouse: House, tmp_path: Path) -> Told:
    """The violation in this one schedule; the real code is right in it."""

    async def run(moves: Schedule, edits: Edits | None = None) -> Failure:
        async with opened(playhouse, edits=edits, scratch=tmp_path) as theatre:
            failure = (await theatre.run(moves)).failure
            assert failure is not None, "the mutant outlived its schedule"
            return failure

    return run


@pytest.mark.parametrize(
    "name",
    [
        "VOID_TOLD_LATE",
        "SALE_COMES_LATE",
        "INSTALLER_SLEEPS",
        "LOST_WHILE_PAYING",
        "REBUILT_MEANWHILE",
        "PAID_LOST_AND_CANCELLED",
        "PAID_BACK_AND_ASKED_AGAIN",
        "KEY_USED_AGAIN_AFTER_A_LOSS",
        "EXTENDED_THRICE",
        "CLOSED",
        "PAID_LATE_AND_CLOSED",
        "PAID_LATE_WITH_TOO_MANY",
        "BLOCKED_AND_UNBLOCKED",
        "ONE_SEAT_FOR_TWO",
    ],
)
async def test_real_code_outlives_the_directed_schedules(playhouse: House, name: str) -> None:
    async with opened(playhouse) as theatre:
        assert (await theatre.run(globals()[name])).failure is None


# The scripts


async def test_mutant_no_idempotency_is_caught(caught: Caught) -> None:
    """The same request twice makes two holds under one id, and loses the seats of the first."""
    edits = {"hold_seats.lua": (r"if stored then return .*repeated\(.*", "")}
    assert (await caught(edits)).kind in ("answer", "double")


async def test_mutant_no_owner_check_is_caught(caught: Caught) -> None:
    """A stranger frees what somebody holds."""
    check = "if owner ~= '' and owner ~= hold.buyer then return CODE.NOT_OWNER end"
    assert (await caught({"include/hold_change.lua": (check, "")})).kind == "answer"


async def test_mutant_release_without_version_is_caught(caught: Caught) -> None:
    """A release that was meant for an earlier state of the hold ends it."""
    check = "if version ~= 0 and version ~= hold.version then return CODE.HOLD_CHANGED end"
    assert (await caught({"include/hold_change.lua": (check, "")})).kind == "answer"


async def test_mutant_expiry_by_sweeper_only_is_caught(caught: Caught) -> None:
    """Until the next sweep a hold that is over can be changed, and its seats cannot be had."""
    edits = {
        "include/hold_change.lua": (
            r" or hold_overdue\(hold, now_ms\) then return CODE.HOLD_EXPIRED",
            " then return CODE.HOLD_EXPIRED",
        ),
        "hold_seats.lua": (r"\nif stock_overdue\(sale\) then \S*sweep\S*\(sale, keys, .*", ""),
    }
    assert (await caught(edits)).kind in ("answer", "state")


async def test_mutant_event_outside_the_script_is_caught(caught: Caught) -> None:
    """A worker that dies between a release and its event leaves the event out for good."""
    silent = (
        r"hold_event\(sale, keys.events, kind, hold, { reason = reason }\)",
        "if kind ~= 'hold.released' then "
        "hold_event(sale, keys.events, kind, hold, { reason = reason }) end",
    )
    with patch.object(StockCalls, "release_hold", _released_then_told(StockCalls.release_hold)):
        assert (await caught({"include/hold_end.lua": silent})).kind == "events"


def _released_then_told(
    release: Callable[..., Awaitable[HoldAnswer]],
) -> Callable[..., Awaitable[HoldAnswer]]:
    async def twice(calls: StockCalls, ref: object, hold_id: str, **options: object) -> HoldAnswer:
        answer = await release(calls, ref, hold_id, **options)
        if answer.code is Code.OK:
            uid = ref.uid  # type: ignore[attr-defined]  # it is a SaleRef
            seq = await calls._executor.command("HINCRBY", keys.sale(uid), "seq", 1)
            event = ("seq", seq, "type", "hold.released", "body", b"\x80")
            await calls._executor.command("XADD", keys.events(uid), f"1-{seq}", *event)
        return answer

    return twice


async def test_mutant_abort_without_version_is_caught(told: Told) -> None:
    """A void that is told late frees the seats of a confirm that has begun anew."""
    check = "if version ~= 0 and version ~= hold.version then"
    failure = await told(VOID_TOLD_LATE, {"abort_confirm.lua": (check, "if false then")})
    assert failure.kind == "answer"


async def test_mutant_no_revision_in_the_guard_is_caught(caught: Caught) -> None:
    """A store that went back is sold from, though this worker knew better."""
    check = r"or \(epoch == known_epoch and revision < known_revision\) then"
    assert (await caught({"include/guard.lua": (check, "then")})).kind == "guard"


async def test_mutant_rebuild_without_fence_in_the_store_is_caught(told: Told) -> None:
    """An installer that slept through a rebuild takes the later epoch down again."""
    check = "if newest > epoch then return { CODE.INSTALL_FENCED, newest } end"
    failure = await told(INSTALLER_SLEEPS, {"include/fence.lua": (check, "")})
    assert failure.kind == "fence"


BOUNDS: dict[str, tuple[str, Edits]] = {
    "a hold is extended beyond its maximum": (
        "EXTENDED_THRICE",
        {
            "extend_hold.lua": (
                r"math.min\(sale.now_ms \+ tonumber\(ARGV\[6\]\), hold.latest_ms\)",
                "sale.now_ms + tonumber(ARGV[6])",
            )
        },
    ),
    "who pays holds beyond the maximum": (
        "LOST_WHILE_PAYING",
        {
            "begin_paying.lua": (
                r"PAYING, 1, hold.latest_ms\n",
                "PAYING, 1, hold.latest_ms + 60000\n",
            )
        },
    ),
    "a late payment passes the limit per buyer": (
        "PAID_LATE_WITH_TOO_MANY",
        {"include/reacquire.lua": (r"if limit > 0 and units .* return CODE.HOLD_LIMIT end", "")},
    ),
    "a late payment takes seats of a closed sale": (
        "PAID_LATE_AND_CLOSED",
        {"include/reacquire.lua": (r"if sale.lifecycle == 'closed' then return .* end", "")},
    ),
    "a closed sale gives holds": (
        "CLOSED",
        {"hold_seats.lua": (r"if sale.lifecycle == 'closed' or \(", "if (")},
    ),
    "a block takes what is held": (
        "BLOCKED_AND_UNBLOCKED",
        {"block_seats.lua": (r"seats, { f = true }, 'x'\)", "seats, { f = true, h = true }, 'x')")},
    ),
    "an unblock frees what is held": (
        "BLOCKED_AND_UNBLOCKED",
        {
            "unblock_seats.lua": (
                r"seats, { x = true }, 'f'\)",
                "seats, { x = true, h = true }, 'f')",
            )
        },
    ),
}


@pytest.mark.parametrize("name", BOUNDS)
async def test_mutant_without_a_bound_is_caught(told: Told, name: str) -> None:
    moves, edits = BOUNDS[name]
    assert (await told(globals()[moves], edits)).kind in ("answer", "state", "double", "lost")


# The protocol


async def test_mutant_rebuild_without_fence_in_the_ledger_is_caught(told: Told) -> None:
    """A confirm of the epoch that is over is committed behind the back of the rebuild."""

    def unfenced(intent: Intent, row: Order | None, epoch: int | None) -> Step:
        return decide(intent, row, intent.epoch)

    with patch("holdfast_inventory.ledger.apply.decide", unfenced):
        assert (await told(REBUILT_MEANWHILE)).kind == "ledger"


async def test_mutant_confirm_without_confirming_is_caught(caught: Caught) -> None:
    """The ledger is asked while time, or the buyer, can still take the seats away."""

    async def only_looked(stock: Stock, hold_id: str) -> HoldAnswer:
        answer = await stock.calls.read_hold(stock.ref, hold_id)
        refused = answer.hold is None or answer.hold.status_at(answer.now_ms).ended
        code = Code.HOLD_EXPIRED if refused else Code.OK
        return HoldAnswer(code, answer.revision, answer.now_ms, answer.hold)

    with patch("holdfast_inventory.confirm._begin", only_looked):
        assert (await caught()).kind in ("protocol", "lost")


async def test_mutant_answer_before_the_ledger_is_caught(caught: Caught) -> None:
    """The store books what the ledger has yet to sell."""
    real = StockCalls.begin_confirm

    async def booked_at_once(
        calls: StockCalls, ref: object, hold_id: str, **options: object
    ) -> HoldAnswer:
        answer = await real(calls, ref, hold_id, **options)  # type: ignore[arg-type]
        if answer.code is Code.OK:
            await calls.finish_confirm(ref, hold_id, order_ref="")  # type: ignore[arg-type]
        return answer

    with patch.object(StockCalls, "begin_confirm", booked_at_once):
        assert (await caught()).kind == "protocol"


async def test_mutant_freeing_before_the_void_is_caught(told: Told) -> None:
    """Recovery gives the seats back while the confirm can still sell them."""
    real = Recovery._give_up

    async def freed_first(
        recovery: Recovery, office: BoxOffice, hold: HoldRecord, now_ms: int
    ) -> bool:
        await give_up(office.stock, hold.id, hold.version)
        return await real(recovery, office, hold, now_ms)

    with patch.object(Recovery, "_give_up", freed_first):
        assert (await told(SALE_COMES_LATE)).kind == "protocol"


async def test_mutant_void_that_fences_nothing_is_caught(told: Told) -> None:
    """A late transaction sells what recovery has given up."""
    with patch("holdfast_inventory.ledger.decide._fenced", lambda wanted, row: False):
        assert (await told(SALE_COMES_LATE)).kind == "ledger"


async def test_mutant_refund_in_the_store_first_is_caught(caught: Caught) -> None:
    """The seats are on sale again while the ledger still gives them to their buyer."""
    real = Refunding.refund

    async def freed_first(
        refunding: Refunding,
        office: BoxOffice,
        order_id: str,
        request: RefundRequest,
        key: str | None,
    ) -> Order:
        stock = office.stock
        hold = (await stock.calls.read_hold(stock.ref, order_id)).hold
        if hold is not None:
            await stock.calls.free_seats(stock.ref, order_id, seats=hold.seats, areas=hold.areas)
        return await real(refunding, office, order_id, request, key)

    with patch.object(Refunding, "refund", freed_first):
        assert (await caught()).kind == "protocol"


async def test_mutant_rebuild_without_pending_orders_is_caught(told: Told) -> None:
    """The seats of a buyer who is paying at this moment are on sale after a loss."""
    real = holds_of_ledger

    def only_sold(plan: Plan, settings: StockSettings, state: RebuildState) -> list[HoldRecord]:
        return real(plan, settings, replace(state, pending=()))

    with patch("holdfast.sales.ledger_stock.holds_of_ledger", only_sold):
        assert (await told(LOST_WHILE_PAYING)).kind == "rebuild"


async def test_mutant_amount_not_checked_is_caught(caught: Caught) -> None:
    """An order is confirmed for less than it costs."""

    def unchecked(stock: Stock, hold: HoldRecord, request: ConfirmRequest) -> None: ...

    with patch("holdfast_inventory.confirm._check_amount", unchecked):
        assert (await caught()).kind == "promise"


# The schema


async def test_mutant_no_unique_key_is_caught(playhouse: House, tmp_path: Path) -> None:
    """A store that went back unnoticed gives one seat to two, whose confirms meet in one batch.

    Only then does the key itself decide: an intent that is done singly looks before it sells.
    """
    file = tmp_path / "ledger.db"
    shutil.copy(playhouse.ledger_file, file)
    async with opened(House(playhouse.store_url, file)) as theatre:
        assert (await theatre.run(ONE_SEAT_FOR_TWO)).failure is None
        await _drop_the_key(theatre.ledger)
        failure = (await theatre.run(ONE_SEAT_FOR_TWO)).failure
    assert failure is not None
    assert failure.kind in ("ledger", "double")


async def _drop_the_key(ledger: Ledger) -> None:
    async with ledger.database.writing() as connection:
        await connection.execute(text("DROP TABLE sold"))
        await connection.execute(text("CREATE TABLE sold (sale_uid, seat INTEGER, order_id)"))
