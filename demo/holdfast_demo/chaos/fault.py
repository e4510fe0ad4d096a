"""A fault of a store, a ledger, a host or a network that can be injected into a running sale."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from holdfast_demo.chaos.target import Target

Injection = Callable[[Target], AbstractAsyncContextManager[str]]


class InjectionFailed(Exception):
    """The fault did not take effect, or the service reacted to it as it must not."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One kind of fault.

    Entering `inject` injects it and returns the evidence that it took effect; leaving removes it,
    also after an exception. Recovery from a fault that `lasts` is measured from its removal, from
    any other from its injection.
    """

    name: str
    words: str
    inject: Injection
    lasts: bool = False
