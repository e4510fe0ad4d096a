"""A PATCH is all or nothing: what the store refuses of it takes back the rest of it too.

A start can be refused to the last moment, since the sale may open meanwhile; a release of an
allotment cannot be undone. So the start is asked for first.
"""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from support.crashes.crashing_worker import LATE, CrashingWorker
from support.http.refusals import refusal_of
from support.sales.worker import NAME, Worker, audited, head_of, reconciled, record_of, until

from holdfast.sales.sale import Sale
from holdfast.sales.spec import AllotmentSpec, AreaSpec, SaleSpec, spec_from_json, spec_to_json
from holdfast.sales.store.change_reconciler import ChangeReconciler
from holdfast_ledger import Actor, SaleRecord
from holdfast_web.errors import ErrorCode, HoldfastError

FANS = (AllotmentSpec("fans", seats=("r1s1", "r1s2")),)
POSTPONED = {"event_start_time": LATE, "released_channels": ["fans"], "burst": 7}


@pytest.fixture
async def sale(worker: Worker) -> Sale:
    """An open sale with two seats of the fans."""
    return await worker.create(NAME, allotments=FANS)


async def _spec(worker: Worker) -> SaleSpec:
    return spec_from_json((await record_of(worker, NAME)).spec)


async def _kinds(worker: Worker) -> list[str]:
    reading = await (await worker.directory.get(NAME)).inventory.events(None, 100)
    return [event.kind for event in reading.events]


@pytest.mark.usefixtures("sale")
async def test_refused_start_releases_nothing(worker: Worker) -> None:
    """Given a PATCH that postpones an open sale and lets out the fans' seats: nothing has changed,
    and the seats can be let out by the next.
    """
    before, allotted = await _spec(worker), (await head_of(worker, NAME)).allotted
    refusal = await refusal_of(worker.operations.patch(NAME, POSTPONED, Actor("test")))
    assert refusal.code is ErrorCode.SALE_STARTED
    assert await _spec(worker) == before
    assert (await head_of(worker, NAME)).allotted == allotted
    assert await _kinds(worker) == []
    assert (await audited(worker, NAME))[-2:] == ["sale.patch", "sale.patch_refused"]

    await worker.operations.patch(NAME, {"released_channels": ["fans"]}, Actor("test"))
    assert (await head_of(worker, NAME)).allotted == ("", 0, 0)
    assert await _kinds(worker) == ["allotment.released"]
    await reconciled(worker, NAME)


async def test_refused_start_keeps_what_was_released_before(worker: Worker) -> None:
    """Given the pit on sale already, only what the refused PATCH adds is taken back."""
    pit = AreaSpec(id="pit", name="Pit", capacity=5, category="GA", channel="press")
    await worker.create(NAME, allotments=FANS, areas=(pit,))
    await worker.operations.patch(NAME, {"released_channels": ["press"]}, Actor("test"))
    changes = {**POSTPONED, "released_channels": ["press", "fans"]}
    with pytest.raises(HoldfastError):
        await worker.operations.patch(NAME, changes, Actor("test"))
    assert (await _spec(worker)).released_channels == ("press",)
    assert (await head_of(worker, NAME)).allotted[1:] == (2, 0)


@pytest.mark.usefixtures("sale")
@pytest.mark.parametrize("step", ["after sales.patch", "refused update_line"])
@pytest.mark.parametrize("fresh", [False, True])
async def test_refused_start_that_broke_off_releases_nothing(
    worker: Worker, crash: CrashingWorker, tmp_path: Path, step: str, fresh: bool
) -> None:
    """By a leader that knew the sale, or one that has just read what was asked of it."""
    allotted = (await head_of(worker, NAME)).allotted
    await crash("postpone and let out", step)
    finder = worker.newcomer() if fresh else worker

    async def agreed() -> bool:
        version = (await record_of(worker, NAME)).settings_version
        return (await head_of(worker, NAME)).settings_version == version

    async with finder.leading(tmp_path):
        await until(agreed)
    spec = await _spec(worker)
    assert (spec.event_start_time, spec.released_channels) == (None, ())
    assert (await head_of(worker, NAME)).allotted == allotted
    assert await _kinds(worker) == []
    await reconciled(worker, NAME)


async def test_push_that_comes_late_releases_nothing(worker: Worker, sale: Sale) -> None:
    """Given settings that were taken back before they were pushed: later ones are in force.

    A worker that was loaded in between knows those that were taken back.
    """
    before, another = await _spec(worker), worker.newcomer()
    asked = await _written(worker, msgspec.structs.replace(before, released_channels=("fans",)))
    mistaken = await another.directory.get(NAME)
    taken_back = await _written(worker, before)
    assert await worker.builder.push(sale, taken_back)
    assert not await worker.builder.push(sale, asked)
    assert sale.spec == before
    await mistaken.room.tick()
    await ChangeReconciler(another.builder).reconcile(mistaken, taken_back)
    assert (await head_of(worker, NAME)).allotted[1:] == (2, 0)
    assert await _kinds(worker) == []


async def _written(worker: Worker, spec: SaleSpec) -> SaleRecord:
    record = await record_of(worker, NAME)
    written = await worker.ledger.sales.patch(
        record.uid, spec_to_json(spec), seen_version=record.settings_version
    )
    assert written is not None
    return written


class Overtaken:
    """The ledger's sales, with something that happens meanwhile: after a write, or before it."""

    def __init__(self, sales: Any, when: str, meanwhile: Callable[[], Awaitable[object]]) -> None:
        self._sales, self._when, self._meanwhile = sales, when, meanwhile
        self._writes = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sales, name)

    async def patch(self, *args: Any, **kwargs: Any) -> Any:
        self._writes += 1
        number = self._writes
        await self._reached(f"before {number}")
        written = await self._sales.patch(*args, **kwargs)
        await self._reached(f"after {number}")
        return written

    async def _reached(self, step: str) -> None:
        if step == self._when:
            await self._meanwhile()


@pytest.mark.parametrize("other", [{"burst": 8}, {"message": "soon"}])
async def test_patch_that_was_overtaken_is_answered_by_what_stands(
    worker: Worker, sale: Sale, monkeypatch: pytest.MonkeyPatch, other: dict[str, object]
) -> None:
    """Given another PATCH in between: of the same field it is a conflict, of another it is fine."""
    another = worker.newcomer()

    def meanwhile() -> Awaitable[object]:
        return another.operations.patch(NAME, other, Actor("other"))

    sales = Overtaken(worker.ledger.sales, "after 1", meanwhile)
    monkeypatch.setattr(worker.ledger, "sales", sales)
    patch = worker.operations.patch(
        NAME, {"burst": 7, "released_channels": ["fans"]}, Actor("test")
    )
    if "burst" in other:
        assert (await refusal_of(patch)).code is ErrorCode.CONFLICT
    else:
        assert (await patch).spec.message == "soon"
    assert sale.spec == await _spec(worker)
    assert (await head_of(worker, NAME)).allotted == ("", 0, 0)


async def test_what_was_built_on_a_refused_patch_stays(
    worker: Worker, sale: Sale, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given that somebody moved the start again before it was taken back, what was to be let out
    with it has been let out by them.
    """
    another = worker.newcomer()

    def meanwhile() -> Awaitable[object]:
        return another.operations.patch(NAME, {"event_start_time": None}, Actor("other"))

    before = await _spec(worker)
    monkeypatch.setattr(
        worker.ledger, "sales", Overtaken(worker.ledger.sales, "before 2", meanwhile)
    )
    refusal = await refusal_of(worker.operations.patch(NAME, POSTPONED, Actor("test")))
    assert refusal.code is ErrorCode.SALE_STARTED
    now = await _spec(worker)
    assert now.event_start_time is None
    assert (now.burst, now.released_channels) == (before.burst, ("fans",))
    assert (await head_of(worker, NAME)).allotted == ("", 0, 0)
    await reconciled(worker, NAME)


@pytest.mark.usefixtures("sale")
async def test_value_of_no_shape_is_refused_before_it_is_written_down(worker: Worker) -> None:
    """However deeply it is nested: no record of it is made first."""
    nested: list[Any] = []
    for _ in range(100_000):
        nested = [nested]
    refused = await refusal_of(worker.operations.patch(NAME, {"message": nested}, Actor("test")))
    assert refused.code is ErrorCode.INVALID_REQUEST
    assert refused.members["field"] == "message"
