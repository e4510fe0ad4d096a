"""The order in which the lobby becomes a line.

Visitors who come before the open get an index in the lobby; when the lobby freezes, each index
becomes a number, and everybody who comes later is numbered behind them. Which number, is the only
thing that queueing methods differ in, so it is one function here and stored nowhere.
"""

from collections.abc import Callable

Order = Callable[[int, int], int]
"""From (lobby index, lobby size) to a number from 1 to the size; a bijection for each size."""


def by_arrival(lobby_index: int, lobby_size: int) -> int:
    """First come, first served."""
    if not 0 <= lobby_index < lobby_size:
        raise ValueError("no such place in the lobby")
    return lobby_index + 1
