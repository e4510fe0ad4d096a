"""The messages from a worker to the master: numbered batches of receipts and figures.

Each batch says how many receipts its worker has sent before it, and the last one that it is the
last: so whoever receives them knows how many there must be, whatever was lost on the way.
"""

from __future__ import annotations

from typing import Final

import msgspec

from holdfast_loadtest.audit.journal import Entry
from holdfast_loadtest.observations.figures import Figures

MAX_RECEIPTS: Final = 500
"""in one batch"""
MAX_BATCH_BYTES: Final = 4 * 2**20


class UnreadableBatch(ValueError):
    """A message that is no batch."""


class Batch(msgspec.Struct, frozen=True):
    """What one worker observed since its batch before; numbers begin with 1."""

    run: str
    worker: str
    number: int
    sent_at: float
    receipts_before: int
    receipts: list[Entry]
    figures: Figures
    is_last: bool = False

    @property
    def receipts_so_far(self) -> int:
        return self.receipts_before + len(self.receipts)


_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(Batch)


def encode_batch(batch: Batch) -> bytes:
    return _ENCODER.encode(batch)


def decode_batch(message: bytes) -> Batch:
    """The batch of a message; UnreadableBatch if it is none or too large."""
    if len(message) > MAX_BATCH_BYTES:
        raise UnreadableBatch(f"{len(message):,} bytes, at most {MAX_BATCH_BYTES:,} are read")
    try:
        return _DECODER.decode(message)
    except msgspec.DecodeError as error:
        raise UnreadableBatch(str(error)) from error
