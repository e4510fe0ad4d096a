"""The only place that spells the store's keys.

Every key of a sale is `hf:{<uid>}:<name>`: the braces are a hash tag, so that one sale lives in one
slot of a Cluster and one script can touch all of it atomically. What stands below a name here is
the documentation of its key: type, content, lifetime. A sale's keys live until the sale is deleted,
unless it says otherwise. Scripts name the keys that they take in their headers, by the names of
this module, receive them in KEYS, and never build one themselves. Names in the store are never
changed, since processes of two versions share them for a while: a key that was renamed here is
spelt as before.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from holdfast_lua.bundle.loader import Script


class SaleKey:
    """A key that every sale has; called with the sale's uid, it is spelt out.

    `more` is what tells keys of one kind apart, such as the pass that a key is about.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def __call__(self, uid: str, *more: str | int) -> str:
        return ":".join((f"hf:{{{uid}}}", self._name, *map(str, more)))


PROBE: Final = SaleKey("probe")("probe")
"""No key: a name like all others, for the question whether the store's user may use those."""

DATA_VERSION: Final = SaleKey("version")("data")
"""STRING, of no sale: the data version of all keys; see store.py. For ever."""

REQUESTED: Final = SaleKey("asked")("asked")
"""ZSET, of no sale: uid -> ms of store time at which a worker last had requests; a minute."""


# The sale

sale: Final = SaleKey("sale")
"""HASH: what every script may read of a sale, and the mark that the sale is installed.

Guard: `epoch revision clock_ms`. Events: `name seq event_epoch`. Lifecycle: `lifecycle`
(live|paused|draining|closed) `prequeue_ms opens_ms ends_ms` (0 = none) `settings_version`.
Inventory counters: `free held booked blocked` (units, seats and areas together), for area i
`a<i>f a<i>h` (free, held), `levels` (see `rows`), `next_due_ms` (nothing is due earlier),
`expired` (holds that ran out), `first_holds` (visitors who have held something).
"""

events: Final = SaleKey("events")
"""STREAM: id `<event_epoch>-<seq>`, fields `seq type body` (msgpack); bounded in events.lua."""

active: Final = SaleKey("active")
"""ZSET: pass id -> the session's deadline in ms of store time, for every admitted buyer."""

unheld: Final = SaleKey("unheld")
"""ZSET: pass id -> deadline in ms for the first hold; gone with that hold or the session."""

started: Final = SaleKey("started")
"""ZSET: pass id -> ms of store time at which its session began; gone with the session."""

returned: Final = SaleKey("returned")
"""SET: `<epoch>:<pass id>` for each pass of an earlier epoch that was taken up in this one, and
`<epoch>:#<number>` for each number that was called before the loss and is admitted since.
"""

history_hour: Final = SaleKey("history:hour")
"""LIST: the figures of the last hour, a msgpack array for each step (history.py); bounded."""

history_whole: Final = SaleKey("history:whole")
"""LIST: the figures of the whole sale, with a step that doubles; bounded."""

history_step: Final = SaleKey("history:step")
"""STRING: the step of `history_whole`, in ms."""

pattern: Final = SaleKey("*")
"""What every key of a sale matches, for the one scan that deletes them."""


# The line

line: Final = SaleKey("line")
"""HASH: counters and settings of the waiting room, written by the line's scripts only."""

calls: Final = SaleKey("calls")
"""ZSET: a range of called numbers -> its last number; gone when the range's deadline is over.

Member: `first last count called_ms deadline_ms`, times by the line's clock (line.lua).
"""

shown: Final = SaleKey("shown")
"""STRING: a bit for each number that came to claim, admitted or deferred."""

deferred: Final = SaleKey("deferred")
"""ZSET: called number that found no room -> deadline in ms of the line's clock."""

retrying: Final = SaleKey("asking")
"""ZSET: the deferred numbers that claimed again in the last seconds, by number."""

retried: Final = SaleKey("asked")
"""ZSET: the same numbers -> ms of the line's clock at which each claimed last."""

handoffs: Final = SaleKey("handoffs")
"""ZSET: hand-off of a pass that was exchanged -> until when that is kept, in ms; lives two
minutes from the last one, longer than a hand-off.
"""

address: Final = SaleKey("address")
"""STRING: when the next join of a client address is due, in ms (GCRA); lives until the address
is as good as unknown. Only where joins are limited.
"""

often_joining: Final = SaleKey("often_joining")
"""ZSET: client address -> its joins, of those that join unusually often; bounded, a day."""

refused_joins: Final = SaleKey("refused_joins")
"""ZSET: client address -> its joins that were refused; bounded, a day."""

identities: Final = SaleKey("identities")
"""HASH: seven bytes of an identity's digest -> its place, as bind_identity.lua writes it.

One of 16,384 of them, so that each stays small enough for the store to pack.
"""

present: Final = SaleKey("present")
"""STRING: a bit for each ordinal that asked for its place in a window; lives five minutes."""

present_scratch: Final = SaleKey("present:scratch")
"""STRING: a worker's bits on their way into a window; gone when the script ends."""


# The inventory

seats: Final = SaleKey("seats")
"""STRING: one byte a seat in plan order, `f` free, `h` held, `b` booked, `x` blocked."""

rows: Final = SaleKey("rows")
"""STRING: one byte a row segment, nearest to the focal point first: class * levels + longest
run of free seats (capped at levels - 1), so that finding a row that can serve is one memchr.
"""

layout: Final = SaleKey("layout")
"""STRING: one fixed-size record a row segment, in the order of `rows`; never changes."""

holds: Final = SaleKey("holds")
"""HASH: hold id -> the whole hold as one msgpack array (records.py). Of those that never
reached the ledger, released ones go an hour after their end and expired ones 24 h after it; all
others stay.
"""

buyers: Final = SaleKey("buyers")
"""HASH: buyer -> `<units> <hold id>...` of the holds and orders that count for the limit, and
behind `~` the time up to which ended holds are charged to the buyer (end_hold.lua).
"""

due: Final = SaleKey("due")
"""ZSET: hold id -> ms of store time at which the hold expires or, once ended, is forgotten."""

install_fence: Final = SaleKey("stock_fence")
"""STRING: `epoch nonce`, the newest epoch that has begun to install the inventory here.

An older one may not go on. The nonce tells this store from another that carries the epoch.
"""

SALE_KEYS: Final = {name: key for name, key in vars().items() if isinstance(key, SaleKey)}
"""By the names that headers of scripts have for them."""


class SaleKeys:
    """The keys of one sale as scripts take them, each spelt once: a hold takes eleven."""

    def __init__(self, uid: str) -> None:
        self._uid = uid
        self._spelt: dict[str, str] = {}
        self._of_scripts: dict[str, tuple[str, ...]] = {}

    def of(self, script: Script, own: Sequence[str] = ()) -> tuple[str, ...]:
        """The keys that the script's header names; the last of them are the caller's `own`."""
        found = self._of_scripts.get(script.sha)
        if found is None:
            names = script.keys.names
            shared = names[: len(names) - len(own)]
            found = self._of_scripts[script.sha] = tuple(map(self._spell, shared))
        return (*found, *own) if own else found

    def _spell(self, name: str) -> str:
        return self._spelt.setdefault(name, SALE_KEYS[name](self._uid))
