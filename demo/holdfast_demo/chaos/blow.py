"""What a blow is: a fault of a store, a ledger, a host or a network, dealt to a running sale."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from holdfast_demo.chaos.target import Target

Strike = Callable[[Target], AbstractAsyncContextManager[str]]


class BlowFailed(Exception):
    """The blow did not take effect, or the service did with it what it must not do."""


@dataclass(frozen=True, slots=True)
class Blow:
    """One kind of fault.

    Entering `strike` deals it and gives the evidence that it took effect; leaving lifts it, however
    it is left. A blow that `lasts` is lifted before recovery is measured, from that moment; any
    other is measured from its beginning, while it lasts.
    """

    name: str
    words: str
    strike: Strike
    lasts: bool = False
