"""Base64 for URLs (RFC 4648, 5) without padding, as JWTs and JSON Web Keys have it."""

from base64 import urlsafe_b64decode, urlsafe_b64encode


def encode_base64url(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def decode_base64url(text: str) -> bytes:
    """The bytes of `text`; ValueError when it is no base64."""
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
