"""The scripts of a sale as a whole: install it, read it, remove it.

A sale exists in the store from `install` on, which writes the hash that every guarded script looks
at first. `remove` takes it away before anything else: what is deleted cannot be bought.

Revisions of an epoch start at `first_revision(epoch)`, above all those of earlier epochs, so that
revisions order what clients see across a rebuild too. 2^36 changes fit into an epoch, 2^17 epochs
into the integers that a Lua double carries exactly.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from holdfast_lua.calls import keys
from holdfast_lua.calls.codes import Code
from holdfast_lua.calls.guard import REVISION_AT, SaleRef, code_of, guarded, run_for_sale
from holdfast_lua.calls.replies import SALE_HEAD
from holdfast_lua.client.executor import Executor

REVISIONS_PER_EPOCH: Final = 2**36
SCAN_COUNT: Final = 500
SCANS_MAX: Final = 20_000


@dataclass(frozen=True, slots=True)
class SaleTimes:
    """When a sale begins and ends, in ms of store time; 0 = none."""

    prequeue_ms: int = 0
    opens_ms: int = 0
    ends_ms: int = 0


@dataclass(frozen=True, slots=True)
class Units:
    """Seats and area units together, by state."""

    free: int = 0
    held: int = 0
    booked: int = 0
    blocked: int = 0


@dataclass(frozen=True, slots=True)
class SaleHead:
    """The sale hash at one moment of the store's time."""

    now_ms: int
    revision: int
    lifecycle: str
    settings_version: int
    times: SaleTimes
    units: Units
    event_seq: int
    allotted: tuple[str, int, int] = ("", 0, 0)
    """What is set aside for others than those in line: names, units free, units held."""


def first_revision(epoch: int) -> int:
    """The revision at which an epoch starts."""
    return (epoch - 1) * REVISIONS_PER_EPOCH + 1


class SaleCalls:
    """One typed method per script."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor

    async def install(
        self,
        ref: SaleRef,
        *,
        name: str,
        lifecycle: str,
        settings_version: int,
        times: SaleTimes,
        inventory: Mapping[str, int | str],
        clock_ms: int = 0,
        rebuilt: bool = False,
        commitment: str = "",
        nonce: str = "",
    ) -> Code:
        """Makes the sale usable in `ref.epoch`; UNCHANGED when another process was first,
        INSTALL_FENCED when the store is not the one that answered `nonce` to the inventory.

        `commitment` is of a draw that is to come, told as an event unless `rebuilt`. `inventory`
        is what its own installation answered: `free held booked blocked` and whatever else
        its scripts keep in the sale hash.
        """
        raw = await run_for_sale(
            self._executor,
            ref.keys,
            "install_sale",
            [
                ref.epoch,
                first_revision(ref.epoch),
                clock_ms,
                name,
                lifecycle,
                times.prequeue_ms,
                times.opens_ms,
                times.ends_ms,
                settings_version,
                int(rebuilt),
                commitment,
                nonce,
                *(part for pair in inventory.items() for part in pair),
            ],
        )
        code = code_of(raw)
        if code is Code.OK:
            ref.revision = raw[REVISION_AT]
        return code

    async def read(self, ref: SaleRef) -> SaleHead:
        """The sale hash; raises StoreBehind when the store has lost it."""
        reply = await guarded(self._executor, ref, "read_sale")
        head = SALE_HEAD.named(reply.values)
        return SaleHead(
            now_ms=reply.now_ms,
            revision=reply.revision,
            lifecycle=head["lifecycle"].decode(),
            settings_version=head["settings_version"],
            times=SaleTimes(head["prequeue_ms"], head["opens_ms"], head["ends_ms"]),
            units=Units(head["free"], head["held"], head["booked"], head["blocked"]),
            event_seq=head["seq"],
            allotted=(head["apart"].decode(), head["apart_free"], head["apart_held"]),
        )

    async def store_ms(self, uid: str) -> int:
        """The time of the server that has the sale or will have it; no sale need be there."""
        seconds, micros = await self._executor.command("TIME", key=keys.sale(uid))
        return int(seconds) * 1000 + int(micros) // 1000

    async def remove(self, uid: str) -> int:
        """Deletes every key of the sale in small steps; returns how many there were.

        The hash goes first. The rest is found by SCAN, a bounded number of steps of bounded size,
        so that a sale with a million ended holds stops nobody else's calls for long.
        """
        head = keys.sale(uid)
        removed = int(await self._executor.command("UNLINK", head))
        cursor = b"0"
        for _ in range(SCANS_MAX):
            cursor, found = await self._executor.command(
                "SCAN", cursor, "MATCH", keys.pattern(uid), "COUNT", SCAN_COUNT, key=head
            )
            for key in found:
                removed += int(await self._executor.command("UNLINK", key, key=head))
            if cursor == b"0":
                break
        return removed
