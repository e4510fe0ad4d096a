"""A person as a user of Locust: comes once, does one visit, and goes home."""

from __future__ import annotations

import logging
import sys
from typing import ClassVar

from locust import User, task
from locust.exception import StopUser

from holdfast_loadtest.client import ContractError
from holdfast_loadtest.crowd.profiles import VisitorProfile
from holdfast_loadtest.locust.part import Part
from holdfast_loadtest.scenarios.scenario import PersonKind

log = logging.getLogger(__name__)


class Person(User):
    """One of the people of a process's part; subclasses say what they do."""

    abstract = True
    kind: ClassVar[PersonKind]
    part: Part
    index: int
    profile: VisitorProfile

    def come(self, part: Part, index: int) -> None:
        """Begins the visit, in a greenlet that Locust counts as a user."""
        self.part, self.index, self.profile = part, index, part.people.profile(index)
        part.started.add(self.start(self.environment.runner.user_greenlets))

    @task
    def visit_once(self) -> None:
        try:
            self.visit()
        except ContractError as error:
            log.warning("%s %d: %s", self.kind, self.index, error)
        except Exception as error:
            log.exception("%s %d", self.kind, self.index)
            trace = sys.exc_info()[2]
            self.environment.events.user_error.fire(user_instance=self, exception=error, tb=trace)
        finally:
            self.go_home()
        raise StopUser

    def visit(self) -> None:
        """What this kind of person does."""
        raise NotImplementedError

    def go_home(self) -> None:
        """After the visit, also after one that was broken off."""
