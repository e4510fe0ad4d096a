"""Starts the people of a process when they are due, as users of Locust.

Locust's dispatcher deals out users as counts by class, and stops some of them whenever a worker
joins or goes. Here each person has an index, is of one process, and comes once. So Locust is told
to run one `Arrivals` user in each process, which starts the people as users beside it: Locust
counts them, shows them by class, and stops them at the end.
"""

from __future__ import annotations

import logging
from collections.abc import Generator, Mapping
from typing import TYPE_CHECKING, Any, Final

from locust import User, task
from locust.dispatch import UsersDispatcher
from locust.exception import StopUser

from holdfast_loadtest.locust.lifecycle import tell_done
from holdfast_loadtest.locust.part import Part
from holdfast_loadtest.locust.process import this_process
from holdfast_loadtest.locust.users.net_watcher import NetWatcher
from holdfast_loadtest.locust.users.person import Person
from holdfast_loadtest.locust.users.shoppers import Abandoner, Bot, Buyer, Refresher, VisitorUser
from holdfast_loadtest.locust.users.storefront import Storefront
from holdfast_loadtest.locust.users.watcher import Watcher

if TYPE_CHECKING:
    from locust.env import Environment

LATE_SECONDS: Final = 1.0
"""behind the schedule, from which it is logged"""
KINDS: Final[Mapping[str, type[Person]]] = {
    person.kind: person
    for person in (VisitorUser, Buyer, Abandoner, Refresher, Watcher, NetWatcher, Bot, Storefront)
}

log = logging.getLogger(__name__)


class OneArrivals(UsersDispatcher):
    """Runs one `Arrivals` in each process, and leaves its people alone.

    A message to a worker names the classes whose number shall change: only `Arrivals`.
    """

    def _dispatcher(self) -> Generator[dict[str, dict[str, int]]]:
        self._users_on_workers = {node.id: {Arrivals.__name__: 1} for node in self._worker_nodes}
        self._current_user_count = len(self._worker_nodes)
        yield self._users_on_workers

    def _prepare_rebalance(self) -> None:
        """Nothing is balanced: a worker that joins a run late has no people in it."""


class Arrivals(User):
    """Starts the people of this process when they are due, and says when all have gone home."""

    @task
    def bring_people(self) -> None:
        part = this_process.take()
        if part is None:
            log.warning("this process has no people in the run that is on")
            raise StopUser
        try:
            self._bring(part)
            part.wait()
        finally:
            part.close()
            tell_done(self.environment, part.assignment.run)
        raise StopUser

    def _bring(self, part: Part) -> None:
        latest = 0.0
        for index, late in part.arrivals():
            latest = max(latest, late)
            KINDS[part.people.kind(index)](self.environment).come(part, index)
        if latest > LATE_SECONDS:
            log.warning("people came up to %.1f s late: this process cannot keep up", latest)


def dispatch_arrivals(environment: Environment, **_: Any) -> None:
    """A listener of `init`: Locust starts `Arrivals`, and nobody else."""
    environment.dispatcher_class = OneArrivals
