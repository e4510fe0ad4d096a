"""The header `Idempotency-Key`, and the digest that tells a repeated request from another one.

A repeat of the same request with the same key gets the same response; another request with it is
422 `idempotency_mismatch`. The digest is taken over the validated request in a deterministic
encoding, so white space, field order and spelt-out defaults make no difference.
"""

import hashlib
import re
from typing import Final

import msgspec
from aiohttp import web

from holdfast_web.errors import invalid

HEADER: Final = "Idempotency-Key"
MAX_KEY_CHARS: Final = 128
DIGEST_BYTES: Final = 16

# The draft standard writes the key as a quoted structured-field string, most clients send it bare:
# both name the same key.
_KEY: Final = re.compile(r'"?([A-Za-z0-9!#$%&\'()*+,\-./:;<=>?@\[\]^_`{|}~]{1,128})"?')


def idempotency_key(request: web.Request) -> str:
    """The key of this request, or 400 naming the header."""
    sent = request.headers.getall(HEADER, [])
    if len(sent) != 1:
        problem = "is sent more than once" if sent else "is required"
        raise invalid(HEADER, f"The header {HEADER} {problem}.")
    match = _KEY.fullmatch(sent[0].strip())
    if match is None:
        raise invalid(HEADER, f"{HEADER} must be 1 to {MAX_KEY_CHARS} visible ASCII characters.")
    return match[1]


def request_digest(request: msgspec.Struct) -> str:
    """A digest of a validated request."""
    canonical = msgspec.json.encode(request, order="deterministic")
    return hashlib.blake2b(canonical, digest_size=DIGEST_BYTES).hexdigest()
