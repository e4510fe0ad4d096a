"""The orders in which a lobby becomes a line: by arrival, or drawn.

Visitors who come before the open get an index in the lobby; when the lobby freezes, each index
becomes a number, and everybody who comes later is numbered behind them. Queueing methods
differ in that number alone, so it is one function here, and is stored nowhere.

A drawn order is a keyed permutation of 0..N-1: a Feistel network over the rectangle a x b, which is
hardly larger than N, whose few surplus cells are skipped (cycle walking). It needs no memory, so a
lobby of ten million costs what a lobby of ten costs, and it runs backwards, so that "who has number
1?" is as cheap as "which number have I?". docs/draw.md describes it for other languages, with test
vectors.

Invariants: for each size and key a bijection; whatever the key, an index is answered in constant
expected time; nothing here knows a secret.

Rejected: shuffling a list (N numbers to keep in every worker and to rebuild after a restart), and
sorting by H(key, index) (nobody could compute one place without all others). Rejected: a network
over the next power of four, whose walks take four times the rounds just above each power.
"""

from collections.abc import Callable, Iterable, Iterator
from hashlib import blake2b
from math import isqrt
from typing import Final

Order = Callable[[int, int], int]
"""From (lobby index, lobby size) to a number from 1 to the size; a bijection for each size."""

ROUNDS: Final = 8
KEY_BYTES: Final = 32
_ROUND_BYTES: Final = 8
_FINGERPRINT_BYTES: Final = 16


def by_arrival(lobby_index: int, lobby_size: int) -> int:
    """First come, first served."""
    _check(lobby_index, lobby_size)
    return lobby_index + 1


class DrawnOrder:
    """The drawn order of one lobby."""

    def __init__(self, key: bytes, size: int) -> None:
        if len(key) != KEY_BYTES:
            raise ValueError(f"the key of a draw has {KEY_BYTES} bytes")
        self.size = size
        self._rows = isqrt(size - 1) + 1 if size > 0 else 0
        self._columns = -(-size // self._rows) if size > 0 else 0
        # Copying a keyed state costs half of keying a new one.
        self._keyed = blake2b(key=key, digest_size=_ROUND_BYTES, person=b"hf-draw-round")

    def number_of(self, lobby_index: int) -> int:
        """The number, from 1, that an index, from 0, has drawn."""
        _check(lobby_index, self.size)
        place = self._forward(lobby_index)
        while place >= self.size:
            place = self._forward(place)
        return place + 1

    def index_of(self, number: int) -> int:
        """The lobby index that has drawn a number: `number_of` backwards."""
        _check(number - 1, self.size)
        place = self._backward(number - 1)
        while place >= self.size:
            place = self._backward(place)
        return place

    def numbers(self) -> Iterator[int]:
        """All numbers in the order of the indices, several times faster than one by one.

        What the rounds mix in depends on a row or a column alone, so it fits in a table of
        sqrt(N) entries for each round.
        """
        rows, columns, size = self._rows, self._columns, self.size
        tables = [
            (self._table(turn, columns), self._table(turn + 1, rows))
            for turn in range(0, ROUNDS, 2)
        ]
        for index in range(size):
            place = size
            row, column = divmod(index, columns)
            while place >= size:
                for by_column, by_row in tables:
                    row = (row + by_column[column]) % rows
                    column = (column + by_row[row]) % columns
                place = row * columns + column
            yield place + 1

    def _table(self, turn: int, values: int) -> list[int]:
        modulus = self._columns if turn % 2 else self._rows
        return [self._mix(turn, value) % modulus for value in range(values)]

    def _forward(self, place: int) -> int:
        row, column = divmod(place, self._columns)
        for turn in range(0, ROUNDS, 2):
            row = (row + self._mix(turn, column)) % self._rows
            column = (column + self._mix(turn + 1, row)) % self._columns
        return row * self._columns + column

    def _backward(self, place: int) -> int:
        row, column = divmod(place, self._columns)
        for turn in range(ROUNDS - 2, -1, -2):
            column = (column - self._mix(turn + 1, row)) % self._columns
            row = (row - self._mix(turn, column)) % self._rows
        return row * self._columns + column

    def _mix(self, turn: int, value: int) -> int:
        state = self._keyed.copy()
        state.update((turn << 64 | value).to_bytes(9, "big"))
        return int.from_bytes(state.digest(), "big")


def fingerprint(numbers: Iterable[int]) -> str:
    """A digest of a whole order, by which two people compare what they computed."""
    state = blake2b(digest_size=_FINGERPRINT_BYTES, person=b"hf-draw-order")
    for number in numbers:
        state.update(number.to_bytes(8, "big"))
    return state.hexdigest()


def _check(lobby_index: int, lobby_size: int) -> None:
    if not 0 <= lobby_index < lobby_size:
        raise ValueError("no such place in the lobby")
