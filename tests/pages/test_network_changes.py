"""The tests' browser hears of no change of the machine's network: it would give up its requests."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from playwright.async_api import Page
from support.service.running import children, open_files


def descendants(pid: int) -> Iterator[int]:
    """Some may end meanwhile: the processes of pages that were closed before."""
    try:
        found = children(pid)
    except (FileNotFoundError, ProcessLookupError):
        return
    for child in found:
        yield child
        yield from descendants(child)


def netlink_sockets() -> set[str]:
    """What handles of netlink sockets lead to."""
    rows = Path("/proc/net/netlink").read_text().splitlines()[1:]
    return {f"socket:[{row.split()[-1]}]" for row in rows}


async def test_browser_has_no_netlink_socket(page: Page) -> None:
    await page.goto("data:text/html,<h1>Shop</h1>")
    opened = {name for pid in descendants(os.getpid()) for name in open_files(pid)}
    assert any(name.startswith("socket:") for name in opened)
    assert opened & netlink_sockets() == set()
