"""Channels: the names under which a sale sets stock aside, as credentials carry them.

A sale's allotments, API keys, signed identities, tickets and passes all speak of channels, so what
one may be called is said here, once. The number that a visitor may carry is bounded, because the
names travel in their ticket, their pass and the shop's cookie.
"""

import re
from collections.abc import Iterable
from typing import Final

CHANNEL_PATTERN: Final = r"\A[a-z0-9][a-z0-9-]{0,31}\Z"
"""What a channel may be called."""

CARRIED_MAX: Final = 4
"""How many channels a visitor may carry."""

_is_channel: Final = re.compile(CHANNEL_PATTERN).fullmatch


def read_channels(claim: object) -> tuple[str, ...] | None:
    """The channels that a token's claim lists, sorted; None when it is no such list."""
    if not isinstance(claim, list) or len(claim) > CARRIED_MAX:
        return None
    if not all(isinstance(name, str) and _is_channel(name) for name in claim):
        return None
    return sorted_channels(claim)


def sorted_channels(names: Iterable[str]) -> tuple[str, ...]:
    """In the one order in which they are carried."""
    return tuple(sorted(set(names)))
