"""What can go wrong with the store: one tree, each leaf a different duty for the caller.

    StoreError
    +-- StoreUnavailable      not sent, or refused before it ran: nothing happened, safe to repeat
    |   +-- StoreRefusing     it answers, but takes no writes: somebody must repair the store
    +-- StoreBusy             our own queue is full: nothing happened, come back later
    +-- StoreOutcomeUnknown   sent, and the reply was lost: it may have happened
    +-- StoreBehind           the store lost acknowledged writes: the sale must be rebuilt
    +-- EpochChanged          the sale was rebuilt: this process must read it anew
    +-- ScriptFault           a script refused its arguments or broke: a bug of ours
    +-- StoreSetupError       the store is not fit for use (version, eviction, locked directory)
    +-- BundleError           a script file is malformed: found when the scripts are loaded

Expected outcomes (a seat taken, a call expired) are not here: they are codes, see codes.py. The
difference that matters most is StoreUnavailable against StoreOutcomeUnknown: only the first may be
repeated blindly, so nothing that left this process is ever reported as the first.
"""

from __future__ import annotations

from typing import Final

NOT_PERMITTED: Final = "not_permitted"
INCOMPATIBLE: Final = "incompatible"
"""the reason of a StoreRefusing that time does not end: the store's user may not do what we do"""


class StoreError(Exception):
    """Base of every fault of the store layer."""


class StoreUnavailable(StoreError):
    """Raised when a call was not sent, or was refused before it ran. Repeating it is safe."""


class StoreRefusing(StoreUnavailable):
    """Raised when the store answers and takes no writes; `reason` is one word for a machine."""

    def __init__(self, message: str, reason: str = "") -> None:  # copied with its message only
        super().__init__(message)
        self.reason = reason


class StoreBusy(StoreError):
    """Raised when the executor's bounded queue is full. Nothing was sent."""

    def __init__(self, message: str, *, retry_after_seconds: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class StoreOutcomeUnknown(StoreError):
    """Raised when a call was sent and its reply never came: it ran, or it did not."""


class StoreBehind(StoreError):
    """Raised when the store knows less than this process has already seen of a sale."""

    def __init__(self, uid: str, *, seen_revision: int, store_revision: int) -> None:
        super().__init__(
            f"the store is behind on sale {uid}: revision {store_revision}, seen {seen_revision}"
        )
        self.uid = uid
        self.seen_revision = seen_revision
        self.store_revision = store_revision


class EpochChanged(StoreError):
    """Raised when the sale was rebuilt under a newer epoch than this process knows."""

    def __init__(self, uid: str, *, known_epoch: int, store_epoch: int) -> None:
        super().__init__(f"sale {uid} is in epoch {store_epoch}, this process knew {known_epoch}")
        self.uid = uid
        self.known_epoch = known_epoch
        self.store_epoch = store_epoch


class ScriptFault(StoreError):
    """Raised when the store answers an error that is a bug of ours: bad arguments, a wrong type."""


class StoreSetupError(StoreError):
    """Raised at start when the store cannot be used as it is; the message says what to change."""


class BundleError(StoreError):
    """Raised when the script files do not fit together: header, include, unknown code or arity."""
