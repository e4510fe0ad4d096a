"""Sales, keys, checkpoints and the audit, on each database."""

import asyncio
import hashlib

import pytest
from conftest import fresh_uid
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from support.ledger.orders import OpenLedger, sell

from holdfast_ledger import (
    Actor,
    AuditEntry,
    Checkpoint,
    EpochPassed,
    Ledger,
    SaleDraft,
    SaleMissing,
    SaleRecord,
    SaleTaken,
)
from holdfast_ledger.keys import hash_secret


def draft(name: str, uid: str | None = None, **areas: int) -> SaleDraft:
    return SaleDraft(
        uid or fresh_uid(), name, b'{"n":1}', plan=b"[1,2]" * 1_000, areas=areas, draw_secret=b"s"
    )


async def test_sale_reads_back_as_it_was_created(ledger: Ledger) -> None:
    wanted = draft("concert", floor=10)
    made = await ledger.sales.create(wanted)
    assert (made.epoch, made.settings_version, made.issued_ceiling) == (1, 1, 0)
    assert (made.spec, made.draw_secret) == (wanted.spec, b"s")
    assert not made.provisioned
    assert await ledger.sales.read("concert") == made
    assert await ledger.sales.read_plan(made.uid) == wanted.plan
    assert await ledger.orders.area_units(made.uid) == {"floor": 0}


async def test_name_is_taken_once_by_whoever_comes_first(
    ledger: Ledger, open_ledger: OpenLedger
) -> None:
    other = await open_ledger()
    tries = [one.sales.create(draft("concert")) for one in (ledger, other) * 3]
    answers = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(isinstance(answer, SaleRecord) for answer in answers) == 1
    refused = [answer for answer in answers if not isinstance(answer, SaleRecord)]
    assert all(isinstance(answer, SaleTaken) for answer in refused)
    assert len(await ledger.sales.page()) == 1


async def test_name_of_a_deleted_sale_is_free_again(ledger: Ledger) -> None:
    first = await ledger.sales.create(draft("concert"))
    await ledger.sales.delete(first.uid)
    second = await ledger.sales.create(draft("concert"))
    assert await ledger.sales.read("concert") == second
    assert (await ledger.sales.read_uid(first.uid)).deleted


async def test_replace_begins_a_new_epoch_under_the_same_uid(ledger: Ledger) -> None:
    first = await ledger.sales.create(draft("concert", floor=10))
    replaced = await ledger.sales.replace(draft("concert", first.uid, balcony=5))
    assert replaced is not None
    assert (replaced.uid, replaced.epoch, replaced.settings_version) == (first.uid, 2, 2)
    assert await ledger.orders.area_units(first.uid) == {"balcony": 0}


async def test_replace_is_refused_once_a_number_was_promised(ledger: Ledger) -> None:
    first = await ledger.sales.create(draft("concert"))
    await ledger.sales.raise_ceiling(first.uid, epoch=1, ceiling=1_000)
    assert await ledger.sales.replace(draft("concert", first.uid)) is None


async def test_replace_is_refused_once_an_order_exists(ledger: Ledger) -> None:
    first = await ledger.sales.create(draft("concert", floor=10))
    await sell(ledger, first, "o1", 1)
    assert await ledger.sales.replace(draft("concert", first.uid, floor=99)) is None
    assert (await ledger.sales.read_uid(first.uid)).epoch == 1


async def test_patch_from_a_stale_reading_is_refused(ledger: Ledger, sale: SaleRecord) -> None:
    patched = await ledger.sales.patch(sale.uid, b'{"n":2}', seen_version=1)
    assert patched is not None
    assert (patched.spec, patched.settings_version) == (b'{"n":2}', 2)
    assert await ledger.sales.patch(sale.uid, b'{"n":3}', seen_version=1) is None
    assert (await ledger.sales.read_uid(sale.uid)).spec == b'{"n":2}'


async def test_lifecycle_grows_the_settings_version(ledger: Ledger, sale: SaleRecord) -> None:
    paused = await ledger.sales.set_lifecycle(sale.uid, "paused")
    assert (paused.lifecycle, paused.settings_version) == ("paused", 2)
    with pytest.raises(SaleMissing):
        await ledger.sales.set_lifecycle("nobody", "paused")


async def test_ceiling_never_falls(ledger: Ledger, sale: SaleRecord) -> None:
    """Catches a number issued twice after a rebuild."""
    raises = [ledger.sales.raise_ceiling(sale.uid, epoch=1, ceiling=n * 100) for n in (3, 1, 5, 2)]
    assert max(await asyncio.gather(*raises)) == 500
    assert await ledger.sales.raise_ceiling(sale.uid, epoch=1, ceiling=200) == 500
    assert (await ledger.sales.read_uid(sale.uid)).issued_ceiling == 500


async def test_past_epoch_may_not_note_anything(ledger: Ledger, sale: SaleRecord) -> None:
    await ledger.sales.bump_epoch(sale.uid, seen_epoch=1)
    with pytest.raises(EpochPassed):
        await ledger.sales.raise_ceiling(sale.uid, epoch=1, ceiling=10)
    with pytest.raises(EpochPassed):
        await ledger.sales.set_provisioned(sale.uid, epoch=1)
    await ledger.sales.set_provisioned(sale.uid, epoch=2)
    assert (await ledger.sales.read_uid(sale.uid)).provisioned


async def test_sales_page_by_name(ledger: Ledger) -> None:
    for name in ("c", "a", "b"):
        await ledger.sales.create(draft(name))
    assert [sale.name for sale in await ledger.sales.page(limit=2)] == ["a", "b"]
    assert [sale.name for sale in await ledger.sales.page(limit=2, after="b")] == ["c"]


async def test_key_is_found_by_the_hash_of_its_secret_until_revoked(ledger: Ledger) -> None:
    record, secret = await ledger.keys.create("shop", 2)
    digest = hashlib.sha256(secret.encode()).hexdigest()
    assert await ledger.keys.find_hashes([digest, "none"]) == {digest: record}
    assert await ledger.keys.find_hashes([secret]) == {}
    assert await ledger.keys.revoke(record.id)
    assert await ledger.keys.find_hashes([digest]) == {}
    assert not await ledger.keys.revoke(record.id)
    assert [key.revoked_ms is None for key in await ledger.keys.all()] == [False]


async def test_later_checkpoint_stays(ledger: Ledger, sale: SaleRecord) -> None:
    times = (3, 5, 4)
    for taken_ms in times:
        await ledger.checkpoints.save(Checkpoint(sale.uid, 1, taken_ms, b"%d" % taken_ms))
    await ledger.checkpoints.save(Checkpoint(sale.uid, 2, 1, b"new epoch"))
    await ledger.checkpoints.save(Checkpoint(sale.uid, 1, 99, b"old epoch"))
    assert await ledger.checkpoints.read(sale.uid) == Checkpoint(sale.uid, 2, 1, b"new epoch")


async def test_first_checkpoints_of_two_workers_do_not_fail(
    ledger: Ledger, sale: SaleRecord, open_ledger: OpenLedger
) -> None:
    other = await open_ledger()
    saves = [one.checkpoints.save(Checkpoint(sale.uid, 1, 7, b"x")) for one in (ledger, other)]
    await asyncio.gather(*saves)
    assert (await ledger.checkpoints.read(sale.uid)) == Checkpoint(sale.uid, 1, 7, b"x")


async def test_audit_pages_in_the_order_it_was_written(ledger: Ledger) -> None:
    """The newest first; by sale, actor and action; with the name of the actor's key."""
    key, _ = await ledger.keys.create("The shop", 2)
    noted = [
        AuditEntry(key.id, action, b'{"x":1}', None, b"{}", "2001:db8::1", "r-1")
        for action in ("a", "b", "c")
    ]
    for entry in noted:
        await ledger.audit.append(entry, sale="concert")
    await ledger.audit.append(AuditEntry("operator", "a"), sale="opera")
    await ledger.audit.append(AuditEntry("operator", "key.create"))
    page = ledger.audit.page
    first = await page(sales={"concert"}, limit=2)
    rest = await page(sales={"concert"}, before=first[-1].id)
    assert [record.entry for record in first + rest] == noted[::-1]
    assert {record.actor_name for record in first + rest} == {"The shop"}
    assert [(r.sale, r.entry.action) for r in await page(actor="operator")] == [
        (None, "key.create"),
        ("opera", "a"),
    ]
    assert [r.sale for r in await page(action="a")] == ["opera", "concert"]
    assert {r.sale for r in await page(sales={"concert", "opera"})} == {"concert", "opera"}


@pytest.mark.parametrize("change", ["UPDATE audit SET actor = 'x'", "DELETE FROM audit"])
async def test_audit_cannot_be_changed(ledger: Ledger, change: str) -> None:
    if ledger.database.family in ("mysql", "mariadb"):
        pytest.skip("MySQL takes triggers from few; rights can be reduced instead")
    await ledger.audit.append(AuditEntry("operator", "sale.put"))
    with pytest.raises(DBAPIError, match="append-only"):
        async with ledger.database.writing() as connection:
            await connection.execute(text(change))
    [record] = await ledger.audit.page()
    assert record.entry == AuditEntry("operator", "sale.put")


async def test_key_knows_its_sales_and_the_audit_who_made_and_revoked_it(ledger: Ledger) -> None:
    made, secret = await ledger.keys.create(
        "tour", 1, ("fans",), sales=("arena", "open-air"), actor=Actor("command-line")
    )
    assert await ledger.keys.all() == [made]
    found = await ledger.keys.find_hashes([hash_secret(secret)])
    assert list(found.values()) == [made]
    assert made.sales == ("arena", "open-air")
    assert await ledger.keys.revoke(made.id, Actor("command-line"))
    assert not await ledger.keys.revoke(made.id, Actor("command-line"))
    revoked, created = await ledger.audit.page()
    assert (revoked.entry.action, created.entry.action) == ("key.revoke", "key.create")
    assert created.entry.after is not None
    assert b"open-air" in created.entry.after
    assert secret.encode() not in created.entry.after


async def test_change_and_its_audit_entry_are_one(ledger: Ledger, sale: SaleRecord) -> None:
    """A change that does not come to be leaves no audit entry."""
    entry = AuditEntry("key-1", "sale.patch", b'{"n":2}')
    uid, sales = sale.uid, ledger.sales
    assert await sales.patch(uid, b'{"n":2}', seen_version=1, entry=entry) is not None
    assert await sales.patch(uid, b'{"n":3}', seen_version=1, entry=entry) is None
    paused = await sales.set_lifecycle(uid, "paused", AuditEntry("key-2", "sale.pause"))
    with pytest.raises(SaleMissing):
        await sales.set_lifecycle("nobody", "paused", AuditEntry("key-2", "sale.pause"))
    assert await sales.adopt_lifecycle(sale, "live", AuditEntry("x", "sale.adopted")) is None
    await sales.adopt_lifecycle(paused, "live", AuditEntry("holdfast", "sale.adopted"))
    await sales.delete(uid, AuditEntry("key-1", "sale.delete"))
    entries = [r.entry for r in reversed(await ledger.audit.page(sales={sale.name}))]
    assert [(e.actor, e.action) for e in entries] == [
        ("key-1", "sale.patch"),
        ("key-2", "sale.pause"),
        ("holdfast", "sale.adopted"),
        ("key-1", "sale.delete"),
    ]
    assert entries[0].detail == b'{"n":2}'
