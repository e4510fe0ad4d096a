"""The status document: one small public response for everybody who waits.

Each worker makes it anew after each step of the line and serves the same bytes to every poll, so a
poll costs no store call and no encoding. A visitor computes the people ahead from it.

Invariants: it holds nothing about any visitor; documents are ordered by `revision`; within that
order `serving` never falls; the ETag is that of the content without the time, so polls of a line
that does not change are answered 304. `last_updated` is when the content last changed.
"""

from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2b
from typing import Final

import msgspec

from holdfast_lua.calls.line import Advanced
from holdfast_lua.calls.line_status import LineStatus
from holdfast_queue.draw.commitment import DrawFacts
from holdfast_queue.line.estimate import measured_per_minute
from holdfast_queue.line.refresh_interval import shared_interval_seconds
from holdfast_queue.line.settings import LineSettings
from holdfast_web.timestamps import optional_timestamp, timestamp

_ETAG_BYTES: Final = 9
_encode = msgspec.json.Encoder().encode


class SaleState(StrEnum):
    """The state of a sale as its visitors see it."""

    SCHEDULED = "scheduled"
    LOBBY = "lobby"
    OPEN = "open"
    PAUSED = "paused"
    DRAINING = "draining"
    SOLD_OUT = "sold_out"
    CLOSED = "closed"


class _DrawContent(msgspec.Struct):
    """The draw's commitment, and whether numbers are drawn yet."""

    commitment: str
    drawn: bool


class _Content(msgspec.Struct):
    """The document without the current time. Clients rely on these names."""

    sale: str
    state: str
    revision: int
    prequeue_start_time: str | None
    event_start_time: str | None
    event_end_time: str | None
    queueing_method: str
    serving: int
    issued: int
    lobby: int
    gaps: tuple[tuple[int, int], ...]
    admitted_per_minute: int
    refresh_interval_seconds: float
    claim_window_seconds: int
    queue_all: bool
    sellable: int
    held: int
    sold: int
    present: int | None
    message: str | None
    draw: _DrawContent | None
    test: bool | msgspec.UnsetType
    """Only in a test sale, so that the document of a real one is no longer for it."""


@dataclass(frozen=True, slots=True)
class StatusDocument:
    """The encoded document with what it was made from."""

    line: LineStatus
    state: SaleState
    revision: int
    now_ms: int
    changed_ms: int
    etag: str
    body: bytes


def make_document(
    sale: str,
    settings: LineSettings,
    advanced: Advanced,
    draw: DrawFacts | None = None,
    previous: StatusDocument | None = None,
) -> StatusDocument:
    """Makes the document of a reply; `previous` tells since when its content is unchanged."""
    now_ms, line = advanced.now_ms, advanced.status
    state = sale_state(line, now_ms)
    encoded = _encode(_content(sale, settings, advanced, draw))
    etag = f'"{blake2b(encoded, digest_size=_ETAG_BYTES).hexdigest()}"'
    unchanged = previous is not None and previous.etag == etag
    changed_ms = previous.changed_ms if previous is not None and unchanged else now_ms
    times = f',"now":"{timestamp(now_ms)}","last_updated":"{timestamp(changed_ms)}"}}'
    body = encoded[:-1] + times.encode()
    return StatusDocument(line, state, advanced.revision, now_ms, changed_ms, etag, body)


def sale_state(line: LineStatus, now_ms: int) -> SaleState:
    """The state of a sale: the operator's word goes before the time, the time before the stock."""
    if line.lifecycle == "closed" or 0 < line.ends_ms <= now_ms:
        return SaleState.CLOSED
    if line.lifecycle == "draining":
        return SaleState.DRAINING
    if line.lifecycle == "paused":
        return SaleState.PAUSED
    if line.phase != "open":
        return SaleState(line.phase)
    return SaleState.SOLD_OUT if line.free + line.held <= 0 else SaleState.OPEN


def _content(
    sale: str, settings: LineSettings, advanced: Advanced, draw: DrawFacts | None
) -> _Content:
    line = advanced.status
    return _Content(
        sale=sale,
        state=sale_state(line, advanced.now_ms).value,
        revision=advanced.revision,
        prequeue_start_time=optional_timestamp(line.prequeue_ms),
        event_start_time=optional_timestamp(line.opens_ms),
        event_end_time=optional_timestamp(line.ends_ms),
        queueing_method=settings.queueing_method.value,
        serving=line.serving,
        issued=line.issued if line.frozen else 0,
        lobby=line.lobby if line.frozen else line.issued,
        gaps=line.gaps,
        admitted_per_minute=round(measured_per_minute(line, advanced.now_ms)),
        refresh_interval_seconds=shared_interval_seconds(settings.claim_window_ms / 1000),
        claim_window_seconds=settings.claim_window_ms // 1000,
        queue_all=line.queue_all,
        sellable=line.free,
        held=line.held,
        sold=line.booked,
        present=line.present if line.present >= 0 else None,
        message=settings.message,
        draw=None if draw is None else _DrawContent(draw.commitment, draw.secret is not None),
        test=settings.test or msgspec.UNSET,
    )
