"""Compares two sets of ids that are read one by one, without keeping either.

Both sides add up the digests of their ids. Sums over 128 bits that agree are of the same ids, but
for a chance that no sale will see; an id that is there twice counts twice.
"""

from hashlib import blake2b
from typing import Final

DIGEST_BYTES: Final = 16


def digest_of(order_id: str) -> int:
    """The digest of one id, to be added to the others."""
    return int.from_bytes(blake2b(order_id.encode(), digest_size=DIGEST_BYTES).digest())
