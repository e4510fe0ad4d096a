"""One process's part of a run: its people, what they share, and the time that they have."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import gevent
from gevent.pool import Group

from holdfast_loadtest.audit.journal import Entry, Journal
from holdfast_loadtest.crowd.context import CrowdContext
from holdfast_loadtest.crowd.tally import Tally
from holdfast_loadtest.crowd.visits import Visit
from holdfast_loadtest.locust.assignment import Assignment
from holdfast_loadtest.locust.http import GeventClient
from holdfast_loadtest.locust.scheduling import GeventScheduler, ShieldedGroup
from holdfast_loadtest.observations.observer import Observer
from holdfast_loadtest.preparing import SalePreparer
from holdfast_loadtest.scenarios.people import People

if TYPE_CHECKING:
    from locust.event import EventHook

STOP_SECONDS: Final = 30.0
"""for people who are sent home: what they have paid is settled first"""


class ObservedJournal(Journal):
    """Gives what is recorded to the observations, and keeps none of it."""

    def __init__(self, observer: Observer) -> None:
        super().__init__()
        self._observer = observer

    def record(self, entry: Entry) -> None:
        self._observer.record(entry)


class Part:
    """The people of one process, from the first arrival to the last who goes home."""

    def __init__(
        self, assignment: Assignment, key: str, requests: EventHook, observer: Observer
    ) -> None:
        self.assignment = assignment
        self.key = key
        self.observer = observer
        self.scenario = scenario = assignment.scenario
        self.people = People(scenario, assignment.arrivals)
        self._opens_at = observer.now() + assignment.opens_in_seconds
        if self.people.lobby_seconds > 0:
            observer.opens_at = self._opens_at
        self._over_at = self._opens_at + scenario.duration_seconds
        self.client = GeventClient(
            assignment.url,
            assignment.sale,
            requests,
            observer,
            connections=scenario.connections,
            shop_url=assignment.shop_url,
        )
        offer = SalePreparer(assignment.url, assignment.sale, key).offer()
        self.context = CrowdContext(
            self.client,
            key,
            offer,
            Tally(len(self.people), observer.now),
            ObservedJournal(observer),
            scheduler=GeventScheduler(observer.now),
            observer=observer,
        )
        self.started = Group()
        self._leaving = ShieldedGroup()

    @property
    def seconds_left(self) -> float:
        return max(0.0, self._over_at - self.observer.now())

    def arrivals(self) -> Iterator[tuple[int, float]]:
        """Sleeps until each of the people is due, and tells by how many seconds it is late."""
        assignment = self.assignment
        for person, due in self.people.share(assignment.process, assignment.of):
            early = self._opens_at + due - self.observer.now()
            if early > 0:
                gevent.sleep(min(early, self.seconds_left))
            if self.seconds_left <= 0:
                return
            yield person, max(0.0, -early)

    def send_home(self, visit: Visit) -> None:
        """Ends a visit; what was paid is settled first, whoever stops the person meanwhile: at the
        end of a run that is interrupted Locust and the part do so, one after the other.
        """
        self._leaving.complete(visit.break_off())

    def wait(self) -> None:
        """Returns when everybody has gone home; whoever is there at the end is sent home."""
        if not self.started.join(timeout=self.seconds_left):
            self.started.kill(timeout=STOP_SECONDS)

    def close(self) -> None:
        self.started.kill(timeout=STOP_SECONDS)
        self._leaving.wait(STOP_SECONDS)
        self.observer.end()
        self.client.close()
