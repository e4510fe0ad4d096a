"""The errors of the ledger, and what a driver's exception means.

    LedgerError
     +- LedgerUnavailable      not done, or done and harmless to repeat
     +- LedgerBusy             too much waits for a transaction: nothing was done
     +- SaleMissing            no live row for this uid or name
     +- SaleTaken              the name is in use
     +- OrdersKept             the sale has orders, and not as many as its deleter said
     +- EpochPassed            the sale moved to a later epoch; read it again
     +- EpochElsewhere         another store carries this epoch of the sale
    UnitsTaken                 inside the ledger only

The message of a `LedgerError` may be shown to clients: it never repeats a driver's words, a URL or
a statement. `holdfast_web.problems` gives each error its code and status.

Three databases report the same failures differently. `trouble_of` sorts an exception of their
drivers into the four kinds that the code reacts to; what it does not know is a bug and is raised
unchanged.
"""

import sqlite3
from collections.abc import Container, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum, auto

from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout

RETRY_AFTER_SECONDS = 2.0

_RETRY_SQLSTATES = frozenset({"40001", "40P01", "55P03"})
_READ_ONLY_SQLSTATES = frozenset({"25006"})
# 28: who we are is not believed (any more); 3D000: no such database; 42501: we may not do that;
# XX001, XX002: damaged. Whoever asks again later may find it repaired; nothing was done.
_GONE_SQLSTATES = ("08", "28", "53", "57", "58", "25006", "3D000", "42501", "XX001", "XX002")
_RETRY_MYSQL = frozenset({1205, 1213, 1020})
_READ_ONLY_MYSQL = frozenset({1290, 1792, 1836})
# 1021, 1114: the disk is full; 1044, 1045, 1130, 1142: we may not (any more); 1049: no such
# database; 1203, 1226: too many connections; 1317, 1927, 1969: somebody ended the statement.
_GONE_MYSQL = _READ_ONLY_MYSQL | {
    *(1021, 1040, 1044, 1045, 1049, 1053, 1077, 1079, 1114, 1130, 1142, 1152, 1158, 1159, 1160),
    *(1161, 1184, 1203, 1226, 1317, 1927, 1969),
}
_MYSQL_CLIENT_ERRORS = range(2000, 2100)
_RETRY_SQLITE = ("database is locked", "database table is locked")
_READ_ONLY_SQLITE = ("attempt to write a readonly database",)
_DAMAGED_SQLITE = ("database disk image is malformed", "file is not a database")
_GONE_SQLITE = (
    *("disk i/o error", "database or disk is full", "unable to open database file"),
    *(_READ_ONLY_SQLITE + _DAMAGED_SQLITE),
)

UNAVAILABLE = "unavailable"
READ_ONLY = "read_only"
DAMAGED = "damaged"
MOVED = "moved"
INCOMPATIBLE = "incompatible"


class LedgerError(Exception):
    """Base of every error that leaves the ledger."""

    retry_after_seconds: float | None = None
    """after which the same call may succeed; None when waiting alone changes nothing"""


class LedgerUnavailable(LedgerError):
    """The ledger did not answer, not in time, or takes no writes.

    `reason` is one of UNAVAILABLE, READ_ONLY, DAMAGED, MOVED and INCOMPATIBLE.
    """

    retry_after_seconds = RETRY_AFTER_SECONDS

    def __init__(self, message: str = "", reason: str = UNAVAILABLE) -> None:
        super().__init__(message)
        self.reason = reason


class LedgerBusy(LedgerError):
    """More intents wait for a transaction than the ledger takes; nothing was done."""

    retry_after_seconds = RETRY_AFTER_SECONDS


class SaleMissing(LedgerError):
    """No live sale has this uid or name."""


class SaleTaken(LedgerError):
    """Another live sale has this name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"A sale named {name!r} exists.")


class OrdersKept(LedgerError):
    """The sale has orders, and whoever deletes it has not named their number."""

    def __init__(self, orders: int) -> None:
        super().__init__(f"The sale has {orders} orders; name their number to delete it.")
        self.orders = orders


class EpochPassed(LedgerError):
    """The caller works for an epoch of the sale that is over."""

    retry_after_seconds = RETRY_AFTER_SECONDS


class EpochElsewhere(LedgerError):
    """Another store than the caller's carries this epoch of the sale, or is about to."""

    retry_after_seconds = RETRY_AFTER_SECONDS


class UnitsTaken(Exception):
    """A guarded UPDATE found no room: never leaves the ledger, a redo finds out whose it is."""


class Trouble(Enum):
    """What a failed statement means to the caller."""

    CONFLICT = auto()
    """a unique key or a guard refused: somebody else has it"""
    RETRY = auto()
    """a deadlock or lock timeout: rolled back by the database, may be repeated"""
    GONE = auto()
    """no connection, or it broke: whether it was done is unknown"""
    BUG = auto()


def trouble_of(error: BaseException) -> Trouble:
    """Sorts an exception of SQLAlchemy or its drivers."""
    if isinstance(error, IntegrityError | UnitsTaken):
        return Trouble.CONFLICT
    if isinstance(error, PoolTimeout | OSError | TimeoutError | LedgerUnavailable):
        return Trouble.GONE
    said = _said(error)
    if said.is_any_of(_RETRY_SQLSTATES, _RETRY_MYSQL, _RETRY_SQLITE):
        return Trouble.RETRY
    if getattr(error, "connection_invalidated", False) or said.is_any_of(
        _GONE_SQLSTATES, _GONE_MYSQL, _GONE_SQLITE
    ):
        return Trouble.GONE
    return Trouble.GONE if said.number in _MYSQL_CLIENT_ERRORS else Trouble.BUG


def reason_of(error: BaseException) -> str:
    """Why a ledger that is GONE cannot be used, for LedgerUnavailable."""
    if isinstance(error, LedgerUnavailable):
        return error.reason
    said = _said(error)
    if said.is_any_of(_READ_ONLY_SQLSTATES, _READ_ONLY_MYSQL, _READ_ONLY_SQLITE):
        return READ_ONLY
    return DAMAGED if said.is_any_of(("XX001", "XX002"), (), _DAMAGED_SQLITE) else UNAVAILABLE


def explain(error: Exception) -> str:
    """What went wrong, in a driver's words: without the URL, the statement or its parameters."""
    if isinstance(error, LedgerError):
        cause = error.__cause__
        return str(error) or (explain(cause) if isinstance(cause, Exception) else "no answer")
    if isinstance(error, DBAPIError) and error.orig is not None:
        return str(error.orig)
    return str(error) or type(error).__name__


def is_read_only(error: BaseException) -> bool:
    """Whether a server refused a write because it takes none, as a standby does."""
    return reason_of(error) == READ_ONLY


@dataclass(frozen=True, slots=True)
class _Said:
    """A failure as a driver reports it, in one form for the three databases."""

    sqlstate: str
    number: object
    text: str

    def is_any_of(
        self, sqlstates: Iterable[str], numbers: Container[object], phrases: Iterable[str]
    ) -> bool:
        """SQLSTATEs by their beginning, texts by a part of them."""
        return (
            self.number in numbers
            or (self.sqlstate != "" and self.sqlstate.startswith(tuple(sqlstates)))
            or any(phrase in self.text for phrase in phrases)
        )


def _said(error: BaseException) -> _Said:
    """A driver's own exception reaches us bare when it was raised while connecting."""
    origin = error.orig if isinstance(error, DBAPIError) else error
    if not isinstance(origin, Exception) or isinstance(origin, LedgerError):
        return _Said("", None, "")
    sqlstate = getattr(origin, "sqlstate", None)
    number = origin.args[0] if origin.args and isinstance(origin.args[0], int) else None
    text = str(origin).lower() if isinstance(origin, sqlite3.Error) else ""
    return _Said(sqlstate if isinstance(sqlstate, str) else "", number, text)


@contextmanager
def translated() -> Iterator[None]:
    """Raises LedgerUnavailable in place of a driver's lost connection, deadlock or lock timeout."""
    try:
        yield
    except Exception as error:
        if trouble_of(error) in (Trouble.GONE, Trouble.RETRY):
            raise LedgerUnavailable(reason=reason_of(error)) from error
        raise
