"""The life of a ticket in docs/lifecycles.md is what the scripts of the line do with it."""

from collections.abc import Awaitable, Callable, Iterator
from functools import partial

from conftest import Clock, fresh_uid, make_sale_hash
from support.lifecycle_diagrams import NOWHERE, changes, read_diagram
from support.line.harness import HOUR_MS, PLENTY, Line, with_terms

from holdfast_lua import Executor
from holdfast_lua.bundle.header import read_header
from holdfast_lua.bundle.loader import LUA_DIR
from holdfast_lua.calls import keys
from holdfast_lua.calls.codes import Code
from holdfast_lua.calls.line import LineCalls
from holdfast_queue.line.results import VisitorState

PASS = "pass-1"
NUMBER = 1
CLAIM_MS = 10_000
SESSION_MS = 60_000
FIRST_HOLD_MS = 20_000
ROOM = 100
WINDOW = "the claim window"
SESSION = "the session's time"
ELSEWHERE = {
    "bind_identity",  # which place an identity has, before there is a ticket
    "exchange_handoff",  # a pass is handed to a storefront: the session is the same
    "limit_joins",  # before there is a ticket
    "mark_present",  # counts, and changes no place
    "return_pass",  # after a rebuild, see tests/queue/line/test_rebuilt_calls.py
    "seal_draw",  # fixes the numbers of a lobby that is closed
}

Act = Callable[[Line], Awaitable[object]]


async def new_line(executor: Executor, clock: Clock) -> Line:
    """A line whose first visitor is the one that the test follows."""
    ref = await make_sale_hash(executor, fresh_uid(), free=PLENTY)
    line = Line(executor, LineCalls(executor), ref, clock.advance_ms)
    with_terms(
        line, claim_ms=CLAIM_MS, session_ms=SESSION_MS, first_hold_ms=FIRST_HOLD_MS, cap=ROOM
    )
    await line.install()
    return line


async def state_of(line: Line) -> str:
    """What the ticket with number 1 is worth in the store."""
    raw = await line.executor.command("HMGET", keys.line(line.ref.uid), "issued", "frozen")
    issued, frozen = (int(value or 0) for value in raw)
    if not issued:
        return NOWHERE
    code = (await line.calls.check_place(line.ref, NUMBER, PASS)).code
    if code is Code.NOT_CALLED:
        return "waiting" if frozen else "lobby"
    if code is Code.CALLED:
        deferred = await line.executor.command("ZSCORE", keys.deferred(line.ref.uid), NUMBER)
        return "called" if deferred is None else "deferred"
    return {Code.ADMITTED_BEFORE: "admitted", Code.CALL_EXPIRED: "ended"}[code]


async def prequeue(line: Line) -> None:
    """An hour before the start, joins are places in a lobby."""
    await line.sale(prequeue_ms=1, opens_ms=await line.now_ms() + HOUR_MS)


async def join(line: Line) -> object:
    return await line.join(1)


async def join_at_once(line: Line) -> object:
    """Lets a visitor straight in where nobody waits; the first one is the one that is followed."""
    first = await state_of(line) == NOWHERE
    return await line.join(1, (PASS if first else "another's",))


async def no_room(line: Line) -> None:
    await line.force(cap=0)


async def room(line: Line) -> None:
    await line.force(cap=ROOM)


async def step(line: Line) -> object:
    return await line.step()


async def start(line: Line) -> object:
    await line.advance_ms(HOUR_MS)
    return await line.step()


async def claim(line: Line) -> object:
    return await line.claim(NUMBER, PASS)


async def change(line: Line, operation: str) -> object:
    return await line.calls.change_lifecycle(line.ref, operation)


async def window(line: Line) -> object:
    return await line.run(CLAIM_MS / 1000 + 1)


async def session(line: Line) -> None:
    await line.advance_ms(SESSION_MS + 1)


async def wanted_slot(line: Line) -> object:
    """The slot was used for no hold in time, and others wait for one."""
    await line.force(cap=1)
    if await state_of(line) != NOWHERE:
        await line.join(3)
    await line.advance_ms(FIRST_HOLD_MS + 1)
    return await line.step()


def operations() -> Iterator[tuple[str, Act]]:
    """Every script that changes places, in each way that leads elsewhere; and the time."""
    yield "join_line", join
    yield "join_line", join_at_once
    yield "advance_line", step
    yield "advance_line", lambda line: in_turn(line, no_room, start)
    yield "advance_line", lambda line: in_turn(line, room, step)
    yield "advance_line", lambda line: in_turn(line, room, start)
    yield "advance_line", wanted_slot
    yield "claim_pass", lambda line: in_turn(line, no_room, claim)
    yield "claim_pass", lambda line: in_turn(line, room, claim)
    for operation in ("open", "pause", "resume", "drain", "close"):
        yield "change_lifecycle", partial(change, operation=operation)
    yield "end_pass", lambda line: line.calls.end_pass(line.ref, PASS, "released")
    yield "renew_pass", lambda line: line.calls.renew_pass(line.ref, PASS)
    yield "update_line", lambda line: line.update()
    yield WINDOW, lambda line: in_turn(line, no_room, window)
    yield SESSION, session


async def in_turn(line: Line, *acts: Act) -> None:
    for act in acts:
        await act(line)


def ways() -> Iterator[tuple[Act, ...]]:
    """To every state, by each way that differs in what the store keeps."""
    called = (join, step)
    deferred = (*called, no_room, claim)
    yield ()
    yield (prequeue,)
    yield prequeue, join
    yield no_room, join
    yield prequeue, join, no_room, start
    yield called
    yield deferred
    yield *called, claim
    yield (join_at_once,)
    yield *deferred, room, claim
    yield *called, window
    yield *deferred, window
    yield *called, claim, session


def test_every_script_of_the_line_is_tried() -> None:
    files = list((LUA_DIR / "scripts" / "line").iterdir())
    headers = {file.stem: read_header(file.stem, file.read_text("utf-8")) for file in files}
    changing = {name for name, header in headers.items() if "no-writes" not in header.flags}
    assert {name for name, _ in operations()} - {WINDOW, SESSION} == changing - ELSEWHERE
    assert changing >= ELSEWHERE


async def test_diagram_is_what_scripts_and_time_do(executor: Executor, clock: Clock) -> None:
    seen: set[tuple[str, str, str]] = set()
    for way in ways():
        for name, act in operations():
            line = await new_line(executor, clock)
            await in_turn(line, *way)
            before = await state_of(line)
            await act(line)
            seen.add((before, await state_of(line), name))
    diagram = read_diagram("A ticket")
    assert {state.value for state in VisitorState} == diagram.states - {"deferred", "ended"}
    assert diagram.arrows == changes(seen)
