"""This process's part of the run that is on: given by the master, taken by its `Arrivals` user."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, Final

from gevent.event import AsyncResult
from gevent.timeout import Timeout

from holdfast_loadtest.audit.verdict import KEY_VARIABLE
from holdfast_loadtest.locust.assignment import Assignment
from holdfast_loadtest.locust.gathering import gathering_of
from holdfast_loadtest.locust.part import Part
from holdfast_loadtest.sale_api import ApiFault

if TYPE_CHECKING:
    from locust.env import Environment

PART_SECONDS: Final = 60.0
"""for a part to come from the master, and for its sale to be read"""

log = logging.getLogger(__name__)


class Process:
    """Holds at most one part, from when it is given to when it is taken."""

    def __init__(self) -> None:
        self._part: AsyncResult[Part | None] = AsyncResult()

    def give(self, environment: Environment, assignment: Assignment) -> None:
        """Builds the part, which reads the sale; whoever waits for it goes on."""
        part = None
        try:
            observer = gathering_of(environment).start_observing(assignment.run)
            key, requests = os.environ.get(KEY_VARIABLE, ""), environment.events.request
            part = Part(assignment, key, requests, observer)
        except ApiFault as error:
            log.error("this process cannot take part: %s", error)
        self._part.set(part)

    def take(self) -> Part | None:
        """The part, once; None when none comes."""
        try:
            part: Part | None = self._part.get(timeout=PART_SECONDS)
        except Timeout:
            return None
        self._part = AsyncResult()
        return part


this_process: Final = Process()
