"""Two bits a seat: what a client reads from them is what the seats are."""

import random

import pytest

from holdfast_inventory.holds.compact_states import STATES, pack_states


def unpacked(packed: bytes, seats: int) -> bytes:
    """As docs/api.md tells a client to read it."""
    return bytes(STATES[packed[at // 4] >> (at % 4 * 2) & 3] for at in range(seats))


@pytest.mark.parametrize("seats", [0, 1, 3, 4, 5, 8, 1221, 60_001])
def test_packed_states_are_read_as_they_were(seats: int) -> None:
    states = bytes(random.Random(seats).choices(STATES, k=seats))
    packed = pack_states(states)
    assert len(packed) == (seats + 3) // 4
    assert unpacked(packed, seats) == states


def test_states_are_packed_from_the_lowest_bits() -> None:
    assert pack_states(b"fhbx") == bytes([0b11_10_01_00])
    assert pack_states(b"ffffx") == bytes([0, 0b11])
