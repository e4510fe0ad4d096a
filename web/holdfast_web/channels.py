"""Channels: the names under which a sale sets stock aside, as credentials carry them.

Allotments, API keys, signed identities, tickets and passes all contain channels; here is what their
names may be. How many a visitor may carry is bounded, because the names are written into ticket,
pass and the shop's cookie.
"""

import re
from collections.abc import Iterable
from typing import Final

CHANNEL_PATTERN: Final = r"\A[a-z0-9][a-z0-9-]{0,31}\Z"
"""The form of a channel's name."""

CARRIED_MAX: Final = 4
"""How many channels a visitor may carry."""

_is_channel: Final = re.compile(CHANNEL_PATTERN).fullmatch


def read_channels(claim: object) -> tuple[str, ...] | None:
    """The channels in a token's claim, sorted; None when the claim is not a valid list of them."""
    if not isinstance(claim, list) or len(claim) > CARRIED_MAX:
        return None
    if not all(isinstance(name, str) and _is_channel(name) for name in claim):
        return None
    return sorted_channels(claim)


def sorted_channels(names: Iterable[str]) -> tuple[str, ...]:
    """The names without repeats, in the order in which credentials carry them."""
    return tuple(sorted(set(names)))
