"""Base64 for URLs (RFC 4648, 5) without padding, as JWTs and JSON Web Keys have it."""

from binascii import a2b_base64, b2a_base64
from typing import Final

# To the decoder's alphabet; characters that it takes and base64url has not become invalid.
_FROM_URL: Final = bytes.maketrans(b"-_+/=", b"+/!!!")
_TO_URL: Final = bytes.maketrans(b"+/", b"-_")


def encode_base64url(raw: bytes) -> str:
    return b2a_base64(raw, newline=False).translate(_TO_URL).rstrip(b"=").decode()


def decode_base64url(text: str) -> bytes:
    """The bytes of `text`; ValueError unless it is just what `encode_base64url` makes of them.

    The decoder of the standard library skips invalid characters and unused bits; here bytes have
    one spelling only.
    """
    padded = text.encode("ascii").translate(_FROM_URL) + b"=" * (-len(text) % 4)
    raw = a2b_base64(padded)
    if b2a_base64(raw, newline=False) != padded:
        raise ValueError("not base64url")
    return raw
