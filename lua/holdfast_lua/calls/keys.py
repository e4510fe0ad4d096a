"""The only place that spells the store's keys.

Every key of a sale is `hf:{<uid>}:<name>`: the braces are a hash tag, so that one sale lives in one
slot of a Cluster and one script can touch all of it atomically. Each builder's docstring is the
documentation of its key: type, content, lifetime. A sale's keys live until the sale is deleted,
unless a builder says otherwise. Scripts receive every key in KEYS and never build one themselves.
Names in the store are never changed, since processes of two versions share them for a while: a
builder that was renamed spells its key as before.
"""

from __future__ import annotations


def _of_sale(uid: str, name: str) -> str:
    return f"hf:{{{uid}}}:{name}"


PROBE = _of_sale("probe", "probe")
"""No key: a name like all others, for the question whether the store's user may use those."""

DATA_VERSION = _of_sale("data", "version")
"""STRING, of no sale: the data version of all keys; see store.py. For ever."""

REQUESTED = _of_sale("asked", "asked")
"""ZSET, of no sale: uid -> ms of store time at which a worker last had requests; a minute."""


# The sale


def sale(uid: str) -> str:
    """HASH: what every script may read of a sale, and the mark that the sale is installed.

    Guard: `epoch revision clock_ms`. Events: `name seq event_epoch`. Lifecycle: `lifecycle`
    (live|paused|draining|closed) `prequeue_ms opens_ms ends_ms` (0 = none) `settings_version`.
    Inventory counters: `free held booked blocked` (units, seats and areas together), for area i
    `a<i>f a<i>h` (free, held), `levels` (see `rows`), `next_due_ms` (nothing is due earlier),
    `expired` (holds that ran out), `first_holds` (visitors who have held something).
    """
    return _of_sale(uid, "sale")


def events(uid: str) -> str:
    """STREAM: id `<event_epoch>-<seq>`, fields `seq type body` (msgpack); bounded in events.lua."""
    return _of_sale(uid, "events")


def active(uid: str) -> str:
    """ZSET: pass id -> the session's deadline in ms of store time, for every admitted buyer."""
    return _of_sale(uid, "active")


def unheld(uid: str) -> str:
    """ZSET: pass id -> deadline in ms for the first hold; gone with that hold or the session."""
    return _of_sale(uid, "unheld")


def started(uid: str) -> str:
    """ZSET: pass id -> ms of store time at which its session began; gone with the session."""
    return _of_sale(uid, "started")


def returned(uid: str) -> str:
    """SET: `<epoch>:<pass id>` for each pass of an earlier epoch that was taken up in this one, and
    `<epoch>:#<number>` for each number that was called before the loss and is admitted since.
    """
    return _of_sale(uid, "returned")


def history_hour(uid: str) -> str:
    """LIST: the figures of the last hour, a msgpack array for each step (history.py); bounded."""
    return _of_sale(uid, "history:hour")


def history_whole(uid: str) -> str:
    """LIST: the figures of the whole sale, with a step that doubles; bounded."""
    return _of_sale(uid, "history:whole")


def history_step(uid: str) -> str:
    """STRING: the step of `history_whole`, in ms."""
    return _of_sale(uid, "history:step")


def pattern(uid: str) -> str:
    """What every key of a sale matches, for the one scan that deletes them."""
    return _of_sale(uid, "*")


# The line


def line(uid: str) -> str:
    """HASH: counters and settings of the waiting room, written by the line's scripts only."""
    return _of_sale(uid, "line")


def calls(uid: str) -> str:
    """ZSET: a range of called numbers -> its last number; gone when the range's deadline is over.

    Member: `first last count called_ms deadline_ms`, times by the line's clock (line.lua).
    """
    return _of_sale(uid, "calls")


def shown(uid: str) -> str:
    """STRING: a bit for each number that came to claim, admitted or deferred."""
    return _of_sale(uid, "shown")


def deferred(uid: str) -> str:
    """ZSET: called number that found no room -> deadline in ms of the line's clock."""
    return _of_sale(uid, "deferred")


def retrying(uid: str) -> str:
    """ZSET: the deferred numbers that claimed again in the last seconds, by number."""
    return _of_sale(uid, "asking")


def retried(uid: str) -> str:
    """ZSET: the same numbers -> ms of the line's clock at which each claimed last."""
    return _of_sale(uid, "asked")


def handoffs(uid: str, pass_id: str) -> str:
    """ZSET: hand-off of a pass that was exchanged -> until when that is kept, in ms; lives two
    minutes from the last one, longer than a hand-off.
    """
    return _of_sale(uid, f"handoffs:{pass_id}")


def address(uid: str, digest: str) -> str:
    """STRING: when the next join of a client address is due, in ms (GCRA); lives until the address
    is as good as unknown. Only where joins are limited.
    """
    return _of_sale(uid, f"address:{digest}")


def often_joining(uid: str) -> str:
    """ZSET: client address -> its joins, of those that join unusually often; bounded, a day."""
    return _of_sale(uid, "often_joining")


def refused_joins(uid: str) -> str:
    """ZSET: client address -> its joins that were refused; bounded, a day."""
    return _of_sale(uid, "refused_joins")


def identities(uid: str, bucket: int) -> str:
    """HASH: seven bytes of an identity's digest -> its place, as bind_identity.lua writes it.

    One of 16,384 of them, so that each stays small enough for the store to pack.
    """
    return _of_sale(uid, f"identities:{bucket}")


def present(uid: str, window: str) -> str:
    """STRING: a bit for each ordinal that asked for its place in a window; lives five minutes."""
    return _of_sale(uid, f"present:{window}")


def present_scratch(uid: str) -> str:
    """STRING: a worker's bits on their way into a window; gone when the script ends."""
    return _of_sale(uid, "present:scratch")


# The inventory


def seats(uid: str) -> str:
    """STRING: one byte a seat in plan order, `f` free, `h` held, `b` booked, `x` blocked."""
    return _of_sale(uid, "seats")


def rows(uid: str) -> str:
    """STRING: one byte a row segment, nearest to the focal point first: class * levels + longest
    run of free seats (capped at levels - 1), so that finding a row that can serve is one memchr.
    """
    return _of_sale(uid, "rows")


def layout(uid: str) -> str:
    """STRING: one fixed-size record a row segment, in the order of `rows`; never changes."""
    return _of_sale(uid, "layout")


def holds(uid: str) -> str:
    """HASH: hold id -> the whole hold as one msgpack array (records.py). Of those that never
    reached the ledger, released ones go an hour after their end and expired ones 24 h after it; all
    others stay.
    """
    return _of_sale(uid, "holds")


def buyers(uid: str) -> str:
    """HASH: buyer -> `<units> <hold id>...` of the holds and orders that count for the limit, and
    behind `~` the time up to which ended holds are charged to the buyer (end_hold.lua).
    """
    return _of_sale(uid, "buyers")


def due(uid: str) -> str:
    """ZSET: hold id -> ms of store time at which the hold expires or, once ended, is forgotten."""
    return _of_sale(uid, "due")


def install_fence(uid: str) -> str:
    """STRING: `epoch nonce`, the newest epoch that has begun to install the inventory here.

    An older one may not go on. The nonce tells this store from another that carries the epoch.
    """
    return _of_sale(uid, "stock_fence")
