"""Periodic tasks for which it is no surprise that the store or the ledger is away."""

from collections.abc import Awaitable, Callable
from typing import Final

from holdfast_ledger import LedgerError
from holdfast_lua.errors import StoreError
from holdfast_tasks import Periodic
from holdfast_web.errors import HoldfastError

AWAY: Final = (StoreError, LedgerError, HoldfastError)


def periodic(name: str, seconds: float, work: Callable[[], Awaitable[None]]) -> Periodic:
    """Runs `work` every `seconds`; errors of store and ledger are logged in one line."""
    return Periodic(name, seconds, work, AWAY)
