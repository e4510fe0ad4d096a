"""The only place that spells the store's keys.

Every key of a sale is `hf:{<uid>}:<name>`: the braces are a hash tag, so that one sale lives in one
slot of a Cluster and one script can touch all of it atomically. Each builder's docstring is the
documentation of its key: type, content, lifetime. A sale's keys live until the sale is deleted,
unless a builder says otherwise. Scripts receive every key in KEYS and never build one themselves.
"""

from __future__ import annotations


def _of_sale(uid: str, name: str) -> str:
    return f"hf:{{{uid}}}:{name}"


# The sale


def sale(uid: str) -> str:
    """HASH: what every script may read of a sale, and the mark that the sale is installed.

    Guard: `epoch revision clock_ms`. Events: `name seq event_epoch`. Lifecycle: `lifecycle`
    (live|paused|draining|closed) `prequeue_ms opens_ms ends_ms` (0 = none) `settings_version`.
    Stock counters: `free held booked blocked` (units, seats and areas together).
    """
    return _of_sale(uid, "sale")


def events(uid: str) -> str:
    """STREAM: id `<event_epoch>-<seq>`, fields `seq type body` (msgpack); bounded, see events.lua."""
    return _of_sale(uid, "events")


def active(uid: str) -> str:
    """ZSET: pass id -> the session's deadline in ms of store time, for every admitted buyer."""
    return _of_sale(uid, "active")


def unheld(uid: str) -> str:
    """ZSET: pass id -> deadline in ms for the first hold; gone with that hold or the session."""
    return _of_sale(uid, "unheld")


# The line


def line(uid: str) -> str:
    """HASH: counters and settings of the waiting room, written by the line's scripts only."""
    return _of_sale(uid, "line")


# The stock
