"""Joins the calls of one tick to one: the holds of a sale leave as one script call.

A script whose header says `joins: n` takes the arguments behind the guard's of up to n calls one
after another and answers a list, an answer for each call, in their order. Calls join when script,
keys and epoch are the same; the highest revision among them goes along, which is what the process
knows. No call is delayed to be joined: those of one turn of the event loop are. A joined call
leaves with the first of its batch and may so overtake other calls of its tick, which were made at
the same time and have no order.

Each call is encoded when it is made, so that a bad argument fails its caller and not the batch.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

from holdfast_lua.bundle.loader import Script
from holdfast_lua.client.link import Call
from holdfast_lua.client.wire import Argument, command_of, encode_arguments
from holdfast_lua.errors import ScriptFault, StoreError

GUARD_ARGS: Final = 2
FRONTS_KEPT: Final = 4096


class Part(Call):
    """One call's share of a batch: `payload` are its own arguments only."""

    __slots__ = ("count", "epoch", "joins", "keys", "revision")

    def __init__(
        self, script: Script, keys: Sequence[str], args: Sequence[Argument], future: Any
    ) -> None:
        super().__init__(script.name, encode_arguments(*args[GUARD_ARGS:]), future, key=keys[0])
        self.sha = script.sha
        self.joins = script.joins
        self.keys = tuple(keys)
        self.count = len(args) - GUARD_ARGS
        epoch, revision = args[:GUARD_ARGS]
        known = type(epoch) is int  # True is none, though it equals one
        self.epoch = _encode_number(epoch) if known else encode_arguments(epoch)
        self.revision = int(revision)


class HoldBatch(Call):
    """Parts that are sent as one call."""

    __slots__ = ("parts",)

    def __init__(self, parts: Sequence[Part]) -> None:
        first = parts[0]
        revision, count, payloads = first.revision, 0, []
        for part in parts:
            count += part.count
            payloads.append(part.payload)
            revision = max(revision, part.revision)
        payload = command_of(
            3 + len(first.keys) + GUARD_ARGS + count,
            _front(first.sha, first.keys),
            first.epoch,
            encode_arguments(revision),
            *payloads,
        )
        super().__init__(first.name, payload, None, key=first.key)
        self.sha = first.sha
        self.batch = first.batch
        self.queued_at = first.queued_at
        self.parts = parts

    def outcomes(self, outcome: Any) -> Sequence[Any]:
        """The outcome of each part: its own answer, or the error of them all."""
        if isinstance(outcome, list) and outcome:
            if not isinstance(outcome[0], list):  # the guard refuses all of them
                return [outcome] * len(self.parts)
            if len(outcome) == len(self.parts):
                return outcome
        if not isinstance(outcome, StoreError):
            outcome = ScriptFault(
                f"{self.name}: not one answer for each of {len(self.parts)} calls"
            )
        return [copy.copy(outcome) for _ in self.parts]


def join(calls: list[Call]) -> list[Call]:
    """The calls to send for these: batches where parts belong together."""
    if len(calls) == 1:
        return [HoldBatch([call]) if isinstance(call, Part) else call for call in calls]
    joined: list[Call | list[Part]] = []
    batches: dict[tuple[object, ...], list[Part]] = {}
    for call in calls:
        if not isinstance(call, Part):
            joined.append(call)
            continue
        kind = (call.sha, call.keys, call.epoch)
        batch = batches.get(kind)
        if batch is None or len(batch) >= call.joins:
            batch = batches[kind] = []
            joined.append(batch)
        batch.append(call)
    return [HoldBatch(item) if isinstance(item, list) else item for item in joined]


@lru_cache(maxsize=FRONTS_KEPT)
def _encode_number(value: int) -> bytes:
    return encode_arguments(value)


@lru_cache(maxsize=FRONTS_KEPT)
def _front(sha: str, keys: tuple[str, ...]) -> bytes:
    return encode_arguments("EVALSHA", sha, len(keys), *keys)
