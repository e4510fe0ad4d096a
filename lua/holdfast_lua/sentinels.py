"""Asks Sentinels who the master is, and believes most of them.

A Sentinel that is cut off goes on naming the master of before, so the first answer is not enough.
All are asked at once. As soon as more than half of those in the URL name the same server, that is
the answer, and nobody waits for one that is dead; otherwise it is the server that most of those who
answer name, in a tie the one of the later failover. Fewer than half may answer: two dead Sentinels
prevent a failover, and are no reason not to use the master.

redis-py's own `discover_master` was rejected: it takes the first answer, asking one after another.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from holdfast_lua.errors import StoreUnavailable
from holdfast_lua.link import Address
from holdfast_lua.probe import asking
from holdfast_lua.store_url import StoreUrl

ANSWER_SECONDS: Final = 2.0


@dataclass(frozen=True, slots=True)
class Word:
    """What one Sentinel says: the master, and the number of the failover that made it one."""

    master: Address
    config_epoch: int


async def find_master(url: StoreUrl) -> Address:
    """The master's address; StoreUnavailable when no Sentinel knows one that lives."""
    asking_all = [asyncio.create_task(_ask(address, url)) for address in url.addresses]
    words: list[Word] = []
    try:
        for answer in asyncio.as_completed(asking_all):
            word = await answer
            if word is not None:
                words.append(word)
                if _count(words)[word.master] > len(url.addresses) / 2:
                    return word.master
    finally:
        for task in asking_all:
            task.cancel()
        await asyncio.gather(*asking_all, return_exceptions=True)
    if not words:
        raise StoreUnavailable(f"no sentinel knows a master named {url.master}")
    return most_believed(words)


def most_believed(words: Sequence[Word]) -> Address:
    """The master that most name; of several the one that was made so last."""
    counts = _count(words)
    return max(words, key=lambda word: (counts[word.master], word.config_epoch)).master


def _count(words: Sequence[Word]) -> Counter[Address]:
    return Counter(word.master for word in words)


async def _ask(address: Address, url: StoreUrl) -> Word | None:
    """None when it does not answer, does not know the master, or holds it for dead.

    Its errors are not told: redis-py's may list what a client was opened with.
    """
    try:
        async with (
            asyncio.timeout(ANSWER_SECONDS),
            asking(address, url.sentinel_settings()) as client,
        ):
            state: Any = await client.sentinel_master(url.master)
        if not state["is_master"] or state["is_sdown"] or state["is_odown"]:
            return None
        return Word(Address(str(state["ip"]), int(state["port"])), int(state["config-epoch"]))
    except (OSError, KeyError, TypeError, ValueError):  # the last three: no Sentinel's answer
        return None
