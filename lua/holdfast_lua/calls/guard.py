"""Guarded calls: what a process knows of a sale goes with every call, what it learns comes back.

`SaleRef.revision` is the highest revision this process has seen of the sale. It rides along as an
argument, so that a store that lost acknowledged writes is found out by the first call and answers
STORE_BEHIND instead of selling from the past; see guard.lua. A call in flight may carry a
revision that a concurrent one has since overtaken: harmless, the guard only refuses when the STORE
is lower. Refusals by the guard are faults (exceptions), all other codes are outcomes (values).
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from holdfast_lua.calls.codes import Code
from holdfast_lua.calls.keys import SaleKeys
from holdfast_lua.calls.replies import GUARD_REFUSAL, REPLY
from holdfast_lua.client.executor import Executor
from holdfast_lua.client.wire import Argument
from holdfast_lua.clock import SaleClock
from holdfast_lua.errors import EpochChanged, StoreBehind


@dataclass(slots=True)
class SaleRef:
    """A sale as this process knows it; shared by all callers of the process, never copied."""

    uid: str
    epoch: int
    revision: int = 0
    clock: SaleClock = field(default_factory=SaleClock, compare=False, repr=False)
    keys: SaleKeys = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        self.keys = SaleKeys(self.uid)


class Reply(msgspec.Struct, frozen=True):
    """What a guarded script answered. `values` are raw: integers, bytes, None or lists of them."""

    code: Code
    revision: int
    now_ms: int
    values: list[Any]

    @property
    def value(self) -> Any:
        """The only value."""
        (value,) = self.values
        return value

    @property
    def refused(self) -> bool:
        """Whether the script declined and wrote nothing."""
        return self.code < 0


_CODES: Final = {int(code): code for code in Code}  # a look is cheaper than Code(...)
_CODE_AT: Final = REPLY.names.index("code")
REVISION_AT: Final = REPLY.names.index("revision")
NOW_AT: Final = REPLY.names.index("now_ms")
VALUES_AT: Final = len(REPLY.names)
_EPOCH_AT: Final = GUARD_REFUSAL.names.index("epoch")


async def guarded(
    executor: Executor,
    ref: SaleRef,
    name: str,
    args: Sequence[Argument] = (),
    own_keys: Sequence[str] = (),
) -> Reply:
    """Runs a guarded script; the guard's two arguments come first.

    Its keys are those of the sale that its header names, and last `own_keys`, the ones that only
    the caller can spell.
    """
    asked_at = time.monotonic()
    raw = await run_for_sale(executor, ref.keys, name, (ref.epoch, ref.revision, *args), own_keys)
    return Reply(heed(ref, raw, asked_at), raw[REVISION_AT], raw[NOW_AT], raw[VALUES_AT:])


def run_for_sale(
    executor: Executor,
    keys: SaleKeys,
    name: str,
    args: Sequence[Argument],
    own_keys: Sequence[str] = (),
) -> Awaitable[list[Any]]:
    """The reply, as it came, of a script whose keys are those of one sale; see `guarded`."""
    script = executor.bundle.script(name)
    return executor.run(name, keys.of(script, own_keys), args)


def heed(ref: SaleRef, raw: Sequence[Any], asked_at: float) -> Code:
    """The code of a guarded script's answer to what was asked at this monotonic time; what the
    answer says of the sale is noted in `ref`.

    Raises StoreBehind or EpochChanged when the guard refused the call.
    """
    code, revision = code_of(raw), raw[REVISION_AT]
    if code is Code.STORE_BEHIND:
        raise StoreBehind(ref.uid, seen_revision=ref.revision, store_revision=revision)
    if code is Code.EPOCH_CHANGED:
        raise EpochChanged(ref.uid, known_epoch=ref.epoch, store_epoch=raw[_EPOCH_AT])
    if revision >= ref.revision:  # a reply that was overtaken tells an older time
        ref.revision = revision
        ref.clock.hear(raw[NOW_AT], asked_at)
    return code


def code_of(raw: Sequence[Any]) -> Code:
    """The code of an answer."""
    return _CODES[raw[_CODE_AT]]
