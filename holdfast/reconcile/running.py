"""Repeats readings of a running sale, and reports what differs in each of them.

A confirm on its way is sold in the ledger a few milliseconds before it is booked in the store. In
the next reading such a difference is gone or another one; one that is the same in several is real.
"""

import asyncio
import logging
from dataclasses import dataclass, field
from typing import Final

from holdfast.reconcile.comparing import Difference, DifferenceKind, differences
from holdfast.reconcile.reading import Reader, Reading
from holdfast.reconcile.repair import repair
from holdfast.sales.store.install import Installer
from holdfast.sales.store.loss_detection import LossDetector
from holdfast_ledger import SaleRecord
from holdfast_lua.calls.inventory_install import InstallFenced
from holdfast_lua.calls.sale import SaleCalls
from holdfast_lua.errors import EpochChanged, StoreBehind
from holdfast_web.errors import ErrorCode, HoldfastError

CONFIRMATIONS: Final = 3
PAUSE_SECONDS: Final = 0.7
EPOCHS_MAX: Final = 4

logger = logging.getLogger(__name__)


@dataclass
class Reconciliation:
    """What was compared, what still differs, and what was repaired."""

    sale: str
    uid: str = ""
    epoch: int = 0
    compared: dict[str, int] = field(default_factory=dict)
    differences: list[Difference] = field(default_factory=list)
    repaired: list[Difference] = field(default_factory=list)


async def reconcile(
    reader: Reader, name: str, *, repair: bool = False, rebuild: bool = False
) -> Reconciliation:
    """Compares, and repairs if asked to; with `rebuild` it may write the sale anew."""
    result = Reconciliation(name)
    before = await _confirmed(reader, result)
    left = before
    if before and (repair or rebuild):
        left = await _after_repair(reader, result, before)
    if rebuild and any(one.kind is not DifferenceKind.LEDGER for one in left):
        await _rebuild(reader, await _record(reader, name))
        left = await _confirmed(reader, result)
    result.differences = sorted(left)
    result.repaired = sorted(before - left)
    return result


async def _after_repair(
    reader: Reader, result: Reconciliation, found: set[Difference]
) -> set[Difference]:
    record = await _record(reader, result.sale)
    if any(one.kind is DifferenceKind.LOST for one in found):
        await _rebuild(reader, record)
    else:
        inventory = await reader.inventory(record)
        await repair(reader, await reader.read(record, inventory), found)
    return await _confirmed(reader, result)


async def _confirmed(reader: Reader, result: Reconciliation) -> set[Difference]:
    """What is different in each of several readings; one reading when nothing is."""
    for _ in range(EPOCHS_MAX):
        record = await _record(reader, result.sale)
        result.uid, result.epoch = record.uid, record.epoch
        try:
            return await _confirmed_in(reader, record, result)
        except EpochChanged:
            continue  # rebuilt meanwhile: what was read is of the past
        except StoreBehind as fault:
            return {Difference(DifferenceKind.LOST, "sale", "provisioned", str(fault))}
    raise HoldfastError(ErrorCode.STORE_BEHIND, "The sale is being rebuilt again and again.")


async def _confirmed_in(
    reader: Reader, record: SaleRecord, result: Reconciliation
) -> set[Difference]:
    loss_detector = LossDetector(SaleCalls(reader.executor), reader.ledger)
    await loss_detector.check(record, count_sold=False)
    inventory = await reader.inventory(record)
    reading = await reader.read(record, inventory)
    result.compared = _sizes(reading)
    # Comparing tens of thousands of seats takes a while, and a worker has other requests.
    found = await asyncio.to_thread(differences, reading)
    for _ in range(CONFIRMATIONS - 1):
        if not found:
            break
        await asyncio.sleep(PAUSE_SECONDS)
        record = await reader.ledger.sales.read_uid(record.uid)
        found &= await asyncio.to_thread(differences, await reader.read(record, inventory))
    return found


def _sizes(reading: Reading) -> dict[str, int]:
    return {
        "seats": len(reading.map.states),
        "areas": len(reading.map.areas),
        "holds": len(reading.holds),
        "orders": len(reading.ledger.sold) + len(reading.ledger.pending),
        "events": reading.by_events.count,
    }


async def _rebuild(reader: Reader, record: SaleRecord) -> None:
    installer = Installer(reader.executor, reader.ledger, reader.plans)
    try:
        if record.provisioned:
            await installer.rebuild(record)
        else:
            await installer.restore(record)
    except InstallFenced as fence:
        logger.info("sale %s: somebody else rebuilds it: %s", record.name, fence)


async def _record(reader: Reader, name: str) -> SaleRecord:
    record = await reader.ledger.sales.read(name)
    if record is None:
        raise HoldfastError(ErrorCode.UNKNOWN_SALE, f"No sale is named {name!r}.")
    return record
