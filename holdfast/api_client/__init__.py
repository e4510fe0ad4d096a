"""A small client of the published HTTP API, for commands; it knows nothing of the service."""

from holdfast.api_client.client import (
    ApiClient,
    Document,
    checked_origin,
    is_local,
    is_loopback,
    sale_path,
)
from holdfast.api_client.errors import ApiError, ApiRefused, ApiUnreachable

__all__ = [
    "ApiClient",
    "ApiError",
    "ApiRefused",
    "ApiUnreachable",
    "Document",
    "checked_origin",
    "is_local",
    "is_loopback",
    "sale_path",
]
