"""What can become of a call: the service refuses it, or nobody answers as the service would."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

RETRY_LATER: Final = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})


class ApiError(Exception):
    """Base of what the client raises; its text is a sentence for people."""


class ApiUnreachable(ApiError):
    """No service answers at the address, or its answers are not those of the API."""


class ApiRefused(ApiError):
    """The service's answer is a problem document."""

    def __init__(self, status: int, document: Mapping[str, object]) -> None:
        super().__init__(str(document.get("detail") or document.get("title") or f"HTTP {status}"))
        self.status = status
        self.document = document

    @property
    def code(self) -> str:
        """The stable code of the contract."""
        return str(self.document.get("code", ""))

    @property
    def is_passing(self) -> bool:
        """Whether the same request may succeed a little later."""
        return self.status in RETRY_LATER
