"""How the ledger fails, told apart once for three databases.

    HoldfastError
     +- LedgerUnavailable      503 ledger_unavailable: not done, or done and harmless to repeat
     +- SaleMissing            404 unknown_sale: no live row for this uid or name
     +- SaleTaken              409 conflict: the name is in use
     +- EpochPassed            503 store_behind: the sale moved to a later epoch; read it again
    StockTaken                 inside the ledger only

Drivers speak three dialects of trouble. `trouble_of` sorts an exception into the four kinds that
the code reacts to; whatever it cannot place is a bug and goes on unchanged.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum, auto

from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from holdfast_web.errors import ErrorCode, HoldfastError

RETRY_AFTER_SECONDS = 2.0

_RETRY_SQLSTATES = frozenset({"40001", "40P01", "55P03"})
_GONE_SQLSTATE_CLASSES = ("08", "53", "57")
_RETRY_MYSQL = frozenset({1205, 1213, 1020})
_GONE_MYSQL = frozenset({1040, 1053, 1077, 1079, 1152, 1158, 1159, 1160, 1161, 1184, 1290})
_MYSQL_CLIENT_ERRORS = range(2000, 2100)
_RETRY_SQLITE = ("database is locked", "database table is locked")
_GONE_SQLITE = ("disk i/o error", "database or disk is full", "unable to open database file")


class LedgerUnavailable(HoldfastError):
    """The ledger did not answer, or not in time."""

    def __init__(self, detail: str = "") -> None:
        super().__init__(ErrorCode.LEDGER_UNAVAILABLE, detail, retry_after=RETRY_AFTER_SECONDS)


class SaleMissing(HoldfastError):
    """No live sale has this uid or name."""

    def __init__(self) -> None:
        super().__init__(ErrorCode.UNKNOWN_SALE)


class SaleTaken(HoldfastError):
    """Another live sale has this name."""

    def __init__(self, name: str) -> None:
        super().__init__(ErrorCode.CONFLICT, f"A sale named {name!r} exists.")


class EpochPassed(HoldfastError):
    """The caller works for an epoch of the sale that is over."""

    def __init__(self) -> None:
        super().__init__(ErrorCode.STORE_BEHIND, retry_after=RETRY_AFTER_SECONDS)


class StockTaken(Exception):
    """A guarded UPDATE found no room: never leaves the ledger, a redo finds out whose it is."""


class Trouble(Enum):
    """What a failed statement means to the caller."""

    CONFLICT = auto()
    """a unique key or a guard refused: somebody else has it"""
    RETRY = auto()
    """a deadlock or lock timeout: rolled back by the database, may be repeated"""
    GONE = auto()
    """no connection, or it broke: done or not done, nobody knows"""
    BUG = auto()


def trouble_of(error: BaseException) -> Trouble:
    """Sort an exception of SQLAlchemy or its drivers."""
    if isinstance(error, IntegrityError | StockTaken):
        return Trouble.CONFLICT
    if isinstance(error, PoolTimeout | OSError | TimeoutError):
        return Trouble.GONE
    if isinstance(error, DBAPIError):
        return _trouble_of_driver(error)
    return Trouble.BUG


def _trouble_of_driver(error: DBAPIError) -> Trouble:
    origin = error.orig
    sqlstate = getattr(origin, "sqlstate", None)
    number = origin.args[0] if origin is not None and origin.args else None
    text = str(origin).lower()
    if sqlstate in _RETRY_SQLSTATES or number in _RETRY_MYSQL or _says(text, _RETRY_SQLITE):
        return Trouble.RETRY
    if (
        error.connection_invalidated
        or (isinstance(sqlstate, str) and sqlstate.startswith(_GONE_SQLSTATE_CLASSES))
        or (isinstance(number, int) and (number in _GONE_MYSQL or number in _MYSQL_CLIENT_ERRORS))
        or _says(text, _GONE_SQLITE)
    ):
        return Trouble.GONE
    return Trouble.BUG


def _says(text: str, phrases: tuple[str, ...]) -> bool:
    return any(phrase in text for phrase in phrases)


@contextmanager
def translated() -> Iterator[None]:
    """The boundary for plain reads and writes: lost connections and locks become 503."""
    try:
        yield
    except Exception as error:
        if trouble_of(error) in (Trouble.GONE, Trouble.RETRY):
            raise LedgerUnavailable() from error
        raise
