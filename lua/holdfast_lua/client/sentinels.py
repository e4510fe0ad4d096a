"""Asks Sentinels who the master is, and goes by what most of them answer.

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
from typing import Final

from holdfast_lua.client.exchange import exchange
from holdfast_lua.client.link import Address
from holdfast_lua.client.store_url import StoreUrl
from holdfast_lua.errors import StoreUnavailable
from holdfast_tasks import start_task

ANSWER_SECONDS: Final = 2.0


@dataclass(frozen=True, slots=True)
class Word:
    """What one Sentinel says: the master, and the number of the failover that made it one."""

    master: Address
    config_epoch: int


async def find_master(url: StoreUrl) -> Address:
    """The master's address; StoreUnavailable when no Sentinel knows one that lives."""
    words, agreed = await _ask_all(url)
    if agreed is not None:
        return agreed
    if not words:
        raise StoreUnavailable(f"no sentinel knows a master named {url.master}")
    return most_believed(words)


async def find_agreed_master(url: StoreUrl) -> Address:
    """The master that more than half of the URL's Sentinels name; StoreUnavailable without one.

    For what must not be done on two servers: two of them can never both be named so.
    """
    _, agreed = await _ask_all(url)
    if agreed is None:
        raise StoreUnavailable(f"most sentinels name no common master {url.master}")
    return agreed


async def _ask_all(url: StoreUrl) -> tuple[list[Word], Address | None]:
    """What Sentinels say, until more than half of them name the same server: that one, or None."""
    asking_all = [
        start_task(_ask(address, url), name="ask a sentinel", awaited=True)
        for address in url.addresses
    ]
    words: list[Word] = []
    try:
        for answer in asyncio.as_completed(asking_all):
            word = await answer
            if word is not None:
                words.append(word)
                if _count(words)[word.master] > len(url.addresses) / 2:
                    return words, word.master
    finally:
        for task in asking_all:
            task.cancel()
        await asyncio.gather(*asking_all, return_exceptions=True)
    return words, None


def most_believed(words: Sequence[Word]) -> Address:
    """The master that most name; of several the one that was made so last."""
    counts = _count(words)
    return max(words, key=lambda word: (counts[word.master], word.config_epoch)).master


def _count(words: Sequence[Word]) -> Counter[Address]:
    return Counter(word.master for word in words)


async def _ask(address: Address, url: StoreUrl) -> Word | None:
    """None when it does not answer, does not know the master, or holds it for dead."""
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            question = ("SENTINEL", "MASTER", url.master)
            (answer,) = await exchange(address, url.sentinel_settings(), question)
        state = dict(zip(answer[::2], answer[1::2], strict=True))
        flags = state["flags"].split(",")
        if "master" not in flags or "s_down" in flags or "o_down" in flags:
            return None
        return Word(Address(state["ip"], int(state["port"])), int(state["config-epoch"]))
    except (OSError, KeyError, TypeError, ValueError):  # no Sentinel's answer
        return None
