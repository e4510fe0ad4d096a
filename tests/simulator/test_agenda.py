"""The agenda of a simulation: who does what next."""

from __future__ import annotations

from random import Random

from holdfast_simulator.agenda import CLAIM, Agenda
from holdfast_simulator.shopping import LEAVE, PAY, TRY


def test_entries_come_by_moment_then_claims_last_then_by_number() -> None:
    entries = [
        (5, 3, TRY), (7, 1, LEAVE), (7, 2, TRY), (7, 2, PAY), (7, 1, CLAIM), (7, 4, CLAIM),
        (1_800_000_000_000, 10_000_000, CLAIM),
    ]  # fmt: skip
    agenda, shuffled = Agenda(), entries.copy()
    Random(1).shuffle(shuffled)
    for entry in shuffled:
        agenda.add(*entry)
    assert (len(agenda), agenda.claims) == (7, 3)
    taken = []
    while agenda:
        at_ms = agenda.next_ms(2_000_000_000_000)
        taken.append((at_ms, *agenda.take()))
    assert taken == entries
    assert agenda.claims == 0


def test_what_comes_later_is_not_next() -> None:
    agenda = Agenda()
    assert agenda.next_ms(10) == 11
    agenda.add(12, 1, TRY)
    assert [agenda.next_ms(until) for until in (10, 11, 12, 13)] == [11, 12, 12, 12]
