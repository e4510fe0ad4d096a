"""What the entries of a sale's stream of events say."""

from collections.abc import Iterable
from typing import Any

import msgspec


def event_bodies(entries: Iterable[tuple[bytes, list[bytes]]]) -> list[dict[str, Any]]:
    """The bodies of entries, each of which is an id, and a flat list of names and values."""
    fields = (dict(zip(flat[::2], flat[1::2], strict=True)) for _, flat in entries)
    return [msgspec.msgpack.decode(of_one[b"body"]) for of_one in fields]
