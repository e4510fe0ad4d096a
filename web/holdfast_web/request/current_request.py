"""The id of the request that is being handled, for what is written meanwhile."""

from contextvars import ContextVar
from typing import Final

current_request_id: Final[ContextVar[str | None]] = ContextVar("request_id", default=None)
"""None in what is done for several or for nobody."""
