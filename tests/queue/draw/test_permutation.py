"""The drawn order as mathematics: one-to-one, unrelated to arrival, decided by its inputs."""

import json
import math
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
from support.line import draw_by_page
from support.line.draw_by_page import milliseconds

from holdfast_queue.draw.commitment import (
    ALGORITHM,
    FIRST_ALGORITHM,
    AnnouncedStart,
    Draw,
    Sealed,
    commit,
    commit_terms,
    draw_key,
    first_accumulator,
    fold_nonces,
    is_beacon,
)
from holdfast_queue.draw.permutation import KEY_BYTES, DrawnOrder, by_arrival, fingerprint

VECTORS: Final[dict[str, Any]] = json.loads(
    Path(__file__).with_name("draw_vectors.json").read_text(encoding="utf-8")
)
PAGE: Final = Path(__file__).parents[3] / "docs" / "draw.md"
SECRET: Final = bytes(range(32))
SEALED: Final = Sealed(500, "ab" * 20, "4 8 15 16 23 42")
TEN_MILLION: Final = 10_000_000

Draws = Callable[[bytes, int], list[int]]


def key_of(seed: int) -> bytes:
    return random.Random(seed).randbytes(KEY_BYTES)


def drawn(key: bytes, size: int) -> list[int]:
    return list(DrawnOrder(key, size).numbers())


# One-to-one


@pytest.mark.parametrize(
    "sizes",
    [
        (*range(1, 200), *range(200, 5_000, 101)),
        pytest.param(range(1, 5_001), marks=pytest.mark.torture),
    ],
    ids=["some", "all"],
)
def test_every_size_up_to_5000_is_one_to_one(sizes: Sequence[int]) -> None:
    for size in sizes:
        numbers = drawn(key_of(size), size)
        assert len(numbers) == len(set(numbers)) == size
        assert (min(numbers), max(numbers)) == (1, size)


@pytest.mark.parametrize("size", [*range(1, 60), 99, 100, 101, 1_000, 4_999])
def test_one_by_one_gives_what_the_whole_order_gives(size: int) -> None:
    order = DrawnOrder(key_of(size), size)
    numbers = list(order.numbers())
    assert [order.number_of(index) for index in range(size)] == numbers
    assert [order.index_of(number) for number in numbers] == list(range(size))


@pytest.mark.parametrize("size", [TEN_MILLION, TEN_MILLION - 1, 2**23, 2**23 + 1, 3_162 * 3_163])
def test_ten_million_are_one_to_one_wherever_one_looks(size: int) -> None:
    """Backwards leads to where one came from: no two indices share what was looked at."""
    order = DrawnOrder(key_of(size), size)
    picked = random.Random(size)
    ends = [0, 1, size - 2, size - 1]
    for index in [*ends, *(picked.randrange(size) for _ in range(2_000))]:
        number = order.number_of(index)
        assert 1 <= number <= size
        assert order.index_of(number) == index
    for number in [1, size, *(picked.randrange(1, size + 1) for _ in range(500))]:
        assert order.number_of(order.index_of(number)) == number


def test_places_outside_the_lobby_have_no_number() -> None:
    order = DrawnOrder(key_of(1), 10)
    for index in (-1, 10):
        with pytest.raises(ValueError, match="lobby"):
            order.number_of(index)
        with pytest.raises(ValueError, match="lobby"):
            by_arrival(index, 10)
    with pytest.raises(ValueError, match="lobby"):
        order.index_of(0)
    with pytest.raises(ValueError, match="lobby"):
        DrawnOrder(key_of(1), 0).number_of(0)
    with pytest.raises(ValueError, match="32 bytes"):
        DrawnOrder(b"short", 10)


# Unrelated to arrival
#
# Spearman's rank correlation of a uniformly random order of n has mean 0 and variance 1 / (n - 1).
# Its mean over S seeds is then close to normal with deviation 1 / sqrt(S (n - 1)). The bound is
# five deviations: a fair draw crosses it once in 1.7 million runs, and the seeds are fixed anyway.
# With S = 400 and n = 300 the bound is 0.0145: a draw in which one visitor in fifty keeps the
# place of arrival has a mean of 0.02, and fails.

SEEDS: Final = 400
SIZE: Final = 300
BOUND: Final = 5 / math.sqrt(SEEDS * (SIZE - 1))


def rank_correlation(numbers: list[int]) -> float:
    n = len(numbers)
    squares = sum((number - 1 - index) ** 2 for index, number in enumerate(numbers))
    return 1 - 6 * squares / (n * (n * n - 1))


def mean_correlation(draws: Draws) -> float:
    return sum(rank_correlation(draws(key_of(seed), SIZE)) for seed in range(SEEDS)) / SEEDS


def test_drawn_order_is_unrelated_to_arrival() -> None:
    assert abs(mean_correlation(drawn)) < BOUND


def test_correlation_varies_as_that_of_a_fair_draw() -> None:
    """Catches orders that are each far from fair, but in opposite ways."""
    values = [rank_correlation(drawn(key_of(seed), SIZE)) for seed in range(SEEDS)]
    variance = sum(value * value for value in values) / SEEDS
    # The variance of 400 values is known to about sqrt(2 / 400) = 7% of itself.
    assert 0.65 < variance * (SIZE - 1) < 1.35


def test_correlation_finds_one_visitor_in_fifty_who_keeps_the_place() -> None:
    """The test itself can fail: a mutant of the draw, barely unfair, crosses the bound."""

    def barely_unfair(key: bytes, size: int) -> list[int]:
        numbers = drawn(key, size)
        place = {number: index for index, number in enumerate(numbers)}
        for index in range(0, size, 50):
            other = place[index + 1]
            numbers[index], numbers[other] = numbers[other], numbers[index]
            place[numbers[other]], place[numbers[index]] = other, index
        return numbers

    def two_rounds(key: bytes, size: int) -> list[int]:
        rows = math.isqrt(size - 1) + 1
        return [(i + key[(i // rows) % 32]) % size + 1 for i in range(size)]

    assert abs(mean_correlation(barely_unfair)) > BOUND
    assert abs(mean_correlation(two_rounds)) > BOUND


@pytest.mark.parametrize("size", [2, 3, 4])
def test_every_order_of_a_small_lobby_is_as_likely_as_any_other(size: int) -> None:
    """Chi-square over all orders, over many keys; the bound is far in the tail (p < 1e-6)."""
    runs = 4_800
    orders = Counter(tuple(drawn(key_of(seed), size)) for seed in range(runs))
    count = math.factorial(size)
    assert len(orders) == count
    expected = runs / count
    square = sum((seen - expected) ** 2 / expected for seen in orders.values())
    freedom = count - 1
    assert square < freedom + 5 * math.sqrt(2 * freedom) + 15


@pytest.mark.parametrize("size", [7, 40, 41])
def test_every_index_gets_every_number_equally_often(size: int) -> None:
    """Catches a draw whose ends are favoured, which a correlation over all would not see."""
    runs = 3_000
    seen = Counter(
        (index, number)
        for seed in range(runs)
        for index, number in enumerate(drawn(key_of(seed), size))
    )
    expected = runs / size
    square = sum(
        (seen[i, n] - expected) ** 2 / expected for i in range(size) for n in range(1, size + 1)
    )
    freedom = (size - 1) ** 2
    assert abs(square - freedom) < 6 * math.sqrt(2 * freedom)


# What it depends on


def test_each_input_changes_the_key_and_the_order() -> None:
    other_nonce = fold_nonces(["a", "b"])
    others = [
        (bytes(32), SEALED),
        (SECRET, replace(SEALED, entrants=501)),
        (SECRET, replace(SEALED, accumulator=other_nonce)),
        (SECRET, replace(SEALED, beacon="4 8 15 16 23 43")),
        (SECRET, replace(SEALED, beacon=None)),
        (SECRET, replace(SEALED, beacon="")),
    ]
    keys = [draw_key(SECRET, SEALED), *(draw_key(*other) for other in others)]
    assert len(set(keys)) == len(keys)
    orders = [tuple(drawn(key, 500)) for key in keys]
    assert len(set(orders)) == len(orders)
    for order in orders[1:]:
        same = sum(a == b for a, b in zip(orders[0], order, strict=True))
        assert same < 10, "an unrelated order shares about one place"


def test_a_nonce_changes_the_block_and_so_does_its_place() -> None:
    batches = [
        ["a", "b"],
        ["b", "a"],
        ["ab", ""],
        ["", "ab"],
        ["a", "b", ""],
        ["ab"],
        ["a", "c"],
        [],
    ]
    assert len({fold_nonces(batch) for batch in batches}) == len(batches)
    assert fold_nonces(["\u00e9"]) != fold_nonces(["e\u0301"])


def test_chain_begins_at_the_sale_and_its_commitment() -> None:
    one = first_accumulator("uid", commit(SECRET))
    assert one != first_accumulator("uie", commit(SECRET))
    assert one != first_accumulator("uid", commit(bytes(32)))


# What was promised to other languages


def test_frozen_vectors_hold() -> None:
    """Catches any change of the algorithm: an order that was published must stay verifiable."""
    for vector in VECTORS["draws"]:
        secret = bytes.fromhex(vector["secret"])
        sealed = Sealed(vector["entrants"], vector["accumulator"], vector["beacon"])
        assert commit(secret) == vector["commitment"]
        key = draw_key(secret, sealed)
        assert key.hex() == vector["key"]
        order = DrawnOrder(key, sealed.entrants)
        for index, number in vector["numbers"]:
            assert order.number_of(index) == number
        if vector["fingerprint"]:
            assert fingerprint(drawn(key, sealed.entrants)) == vector["fingerprint"]


def test_frozen_vectors_of_the_second_algorithm_hold() -> None:
    for vector in VECTORS["second"]["draws"]:
        start_ms = milliseconds(vector["starts"][0]["start"])
        starts = (AnnouncedStart(start_ms, 1), AnnouncedStart(start_ms + 1, 2))
        draw = Draw("uid", bytes.fromhex(vector["secret"]), vector["beacon_source"], starts)
        assert (draw.algorithm, draw.commitment) == (ALGORITHM, vector["commitment"])
        sealed = Sealed(vector["entrants"], vector["accumulator"], vector["beacon"], 3, 4)
        assert draw_key(draw.secret, sealed, draw.commitment).hex() == vector["key"]
        order = draw.order(sealed)
        for index, number in vector["numbers"]:
            assert order.number_of(index) == number
        if vector["fingerprint"]:
            assert fingerprint(order.numbers()) == vector["fingerprint"]


@pytest.mark.parametrize("algorithm", ["holdfast-draw-1", "holdfast-draw-2"])
def test_program_written_from_the_page_alone_finds_the_vectors(algorithm: str) -> None:
    draws = VECTORS["draws"] if algorithm == FIRST_ALGORITHM else VECTORS["second"]["draws"]
    for vector in draws:
        record = {**vector, "algorithm": algorithm}
        assert draw_by_page.commitment_of(record).hex() == vector["commitment"]
        key = draw_by_page.key_of(record)
        assert key.hex() == vector["key"]
        for index, number in vector["numbers"]:
            assert draw_by_page.number_of(key, vector["entrants"], index) == number


def test_commitment_covers_secret_start_and_source() -> None:
    """Catches a start or a source that can be exchanged after the commitment was seen."""
    one = commit_terms(SECRET, 1_000, "the lottery")
    others = {
        commit_terms(bytes(32), 1_000, "the lottery"),
        commit_terms(SECRET, 1_001, "the lottery"),
        commit_terms(SECRET, 1_000, "the lotter"),
        commit_terms(SECRET, 1_000, None),
        commit_terms(SECRET, 1_000, ""),
        commit(SECRET),
    }
    assert len(others) == 6
    assert one not in others


def test_key_of_the_second_algorithm_covers_the_commitment() -> None:
    one, two = commit_terms(SECRET, 1_000, None), commit_terms(SECRET, 2_000, None)
    keys = {draw_key(SECRET, SEALED, bound) for bound in (one, two, None)}
    assert len(keys) == 3


def test_times_have_no_part_in_the_order() -> None:
    """An operator who could try out times would have an order for each."""
    draw = Draw("uid", SECRET, None, (AnnouncedStart(1_000, 1),))
    moved = replace(draw, starts=(*draw.starts, AnnouncedStart(2_000, 2)))
    timed = replace(SEALED, closed_ms=5, sealed_ms=6)
    assert list(draw.order(SEALED).numbers()) == list(moved.order(timed).numbers())


@pytest.mark.parametrize("value", ["x", "00ff", "12 19 23", "résumé", "x" * 256])
def test_beacon_is_printable_text(value: str) -> None:
    assert is_beacon(value)


@pytest.mark.parametrize(
    "value", ["", " x", "x ", "a\tb", "a\x00b", "re\u0301sume\u0301", "a\u200bb", "x" * 257]
)
def test_beacon_that_two_people_could_write_differently_is_none(value: str) -> None:
    assert not is_beacon(value)


def test_frozen_vectors_of_the_chain_hold() -> None:
    chain = VECTORS["chain"]
    assert first_accumulator(chain["uid"], chain["commitment"]) == chain["start"]
    for step in chain["steps"]:
        assert fold_nonces(step["nonces"]) == step["digest"]


def test_documented_vectors_are_the_frozen_ones() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for vector in VECTORS["draws"] + VECTORS["second"]["draws"]:
        shown = [vector["key"], vector["accumulator"], vector["commitment"], vector["fingerprint"]]
        for value in filter(None, shown):
            assert value in page
        assert ", ".join(f"{index} → {number}" for index, number in vector["numbers"]) in page
    chain = VECTORS["chain"]
    for value in [chain["start"], *(step["after"] for step in chain["steps"])]:
        assert value in page
