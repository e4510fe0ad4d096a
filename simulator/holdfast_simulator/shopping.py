"""What people do inside: look, hold, pay, give back, or walk away (`Buyers` says how many do)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from holdfast_simulator.agenda import Agenda
from holdfast_simulator.crowd import MAX_TRIES, SimulatedCrowd
from holdfast_simulator.recording import Recording
from holdfast_simulator.rules import pass_holds
from holdfast_simulator.rules.line import SimulatedLine
from holdfast_simulator.rules.stock import OK, SWEEP_AGAIN

TRY, PAY, RELEASE, LEAVE = range(4)
MAX_SWEEPS: Final = 100


@dataclass(slots=True)
class SimulatedVisit:
    """What somebody inside wants now."""

    category: str
    units: int
    tries: int = 0


class Shopping:
    """The visits under way; what is next for each of them stands in the agenda."""

    def __init__(
        self, crowd: SimulatedCrowd, line: SimulatedLine, recording: Recording, agenda: Agenda
    ) -> None:
        self._crowd, self._line, self._agenda = crowd, line, agenda
        self._recording = recording
        self._visits: dict[int, SimulatedVisit] = {}

    def enter(self, now_ms: int, number: int) -> None:
        """Begins the visit of somebody who was admitted: they look around first."""
        crowd = self._crowd
        looked_ms = now_ms + crowd.look_ms(number)
        if crowd.looks_only(number):
            self._recording.count("looked_only")
            self._agenda.add(looked_ms, number, LEAVE)
            return
        self._visits[number] = SimulatedVisit(*crowd.choice(number))
        self._agenda.add(looked_ms, number, TRY)

    def resume(self, at_ms: int, number: int, what: int) -> None:
        """Somebody who is inside already does something next."""
        if what == TRY:
            self._visits[number] = SimulatedVisit(*self._crowd.choice(number))
        self._agenda.add(at_ms, number, what)

    def act(self, now_ms: int, number: int, what: int) -> None:
        """Somebody does what was next."""
        if what == TRY:
            self._try(now_ms, number, self._visits[number])
        elif what == PAY:
            self._pay(now_ms, number)
        elif what == RELEASE:
            self._release(now_ms, number)
        else:
            self._leave(now_ms, number)

    def expire(self, now_ms: int) -> None:
        """Ends the holds that have run out."""
        while self._line.stock.expire(now_ms)[1]:
            pass

    def _try(self, now_ms: int, number: int, visit: SimulatedVisit) -> None:
        recording = self._recording
        for _ in range(MAX_SWEEPS):
            recording.requests["hold by pass"] += 1
            code = pass_holds.hold(self._line, now_ms, number, visit.category, visit.units)
            if code != SWEEP_AGAIN:
                break
            self._line.stock.expire(now_ms)
        if code == OK:
            self._held(now_ms, number)
        elif code == pass_holds.PASS_ENDED:
            self._end(number, "pass_ended")
        else:
            self._try_other(now_ms, number, visit)

    def _try_other(self, now_ms: int, number: int, visit: SimulatedVisit) -> None:
        """Another category, after another look, or none; who takes one takes any."""
        crowd = self._crowd
        visit.tries += 1
        other = None
        takes = visit.tries > 1 or crowd.takes_other(number)
        if takes and visit.tries < MAX_TRIES:
            other = crowd.other_category(self._line.stock, visit.units)
        if other is None:
            self._end(number, "found_nothing")
            self._leave(now_ms, number)
            return
        visit.category = other
        self._agenda.add(now_ms + crowd.look_ms(number), number, TRY)

    def _held(self, now_ms: int, number: int) -> None:
        crowd = self._crowd
        self._end(number, "held")
        if crowd.lapses(number):
            return  # the hold runs out, and nobody says so
        what = RELEASE if crowd.releases(number) else PAY
        self._agenda.add(now_ms + crowd.pay_ms(number), number, what)

    def _pay(self, now_ms: int, number: int) -> None:
        """Paying, the charge, and the confirm after it."""
        recording = self._recording
        recording.requests["paying"] += 1
        if pass_holds.begin_paying(self._line, now_ms, number) == OK:
            recording.count("paying")
            recording.requests["confirm"] += 1
            if self._line.stock.book(now_ms, number) == OK:
                recording.count("confirmed")
        else:
            recording.count("paid_too_late")
        self._leave(now_ms, number)

    def _release(self, now_ms: int, number: int) -> None:
        self._line.stock.release(now_ms, number)
        self._leave(now_ms, number)

    def _leave(self, now_ms: int, number: int) -> None:
        if self._crowd.ends_pass(number):
            self._line.end(now_ms, number)

    def _end(self, number: int, how: str) -> None:
        """Nothing is wanted any more."""
        self._recording.count(how)
        del self._visits[number]
