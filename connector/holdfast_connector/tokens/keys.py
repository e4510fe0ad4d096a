"""The keys with which hand-offs and passes are verified.

`PublishedKeys` reads the service's JSON Web Key Set and keeps it: a request never waits for the
network while its key is known. An unknown key may mean that the service rotated its keys, so the
set is read again, and all who need that key meanwhile wait for that one read.

Invariants: at most one read at a time and one per `min_interval_seconds`, one ahead of its time
after a good one, whatever `kid`s strangers invent; the last good set stays in force through an
outage, and an answer without a usable key never replaces it; the algorithm is the key's, never the
token's.

Rejected: PyJWKClient. It reads the set again for every unknown `kid`, without a pause between.
"""

import json
import logging
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as WaitedTooLong
from dataclasses import dataclass, field
from threading import Lock, Thread
from typing import Final, Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from holdfast_connector.contract import EDDSA, HS256, JWKS_PATH
from holdfast_connector.fetching import Fetch, FetchFailed, Request, fetch
from holdfast_connector.tokens.base64url import decode_base64url

MAX_KEYS: Final = 64
MAX_KID_CHARS: Final = 128
MIN_SECRET_BYTES: Final = 32
MAX_AGE_SECONDS: Final = 300.0
MIN_INTERVAL_SECONDS: Final = 5.0
WAIT_SECONDS: Final = 8.0

_log = logging.getLogger("holdfast_connector")


class KeysUnavailable(Exception):
    """There are no keys, and none can be read now."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key and the one algorithm that it is for."""

    kid: str
    algorithm: str
    material: Ed25519PublicKey | bytes = field(repr=False)


class Keys(Protocol):
    """The keys of a verifier."""

    def find(self, kid: str) -> Key | None:
        """The key, read first if need be; None for an unknown one; raises KeysUnavailable."""

    def has(self, kid: str) -> bool:
        """Whether `find` needs no read."""

    @property
    def unavailable(self) -> bool:
        """Whether keys could not be read, or are too old; may begin a read, never waits for one."""


class SharedKeys:
    """Shared secrets (HS256). Whoever has one can also sign."""

    def __init__(self, secrets: Mapping[str, bytes]) -> None:
        if not secrets or any(len(secret) < MIN_SECRET_BYTES for secret in secrets.values()):
            raise ValueError(f"a shared secret has at least {MIN_SECRET_BYTES} bytes")
        self._keys = {kid: Key(kid, HS256, secret) for kid, secret in secrets.items()}

    @classmethod
    def from_jwks(cls, text: str) -> "SharedKeys":
        """Makes the keys from the output of `holdfast keys shared`."""
        listed = json.loads(text)["keys"]
        return cls(
            {key["kid"]: decode_base64url(key["k"]) for key in listed if key["kty"] == "oct"}
        )

    def find(self, kid: str) -> Key | None:
        return self._keys.get(kid)

    def has(self, kid: str) -> bool:
        return True

    @property
    def unavailable(self) -> bool:
        return False


class PublishedKeys:
    """The public keys (EdDSA) of the service at `service_url`."""

    def __init__(
        self,
        service_url: str,
        *,
        fetch: Fetch = fetch,
        max_age_seconds: float = MAX_AGE_SECONDS,
        min_interval_seconds: float = MIN_INTERVAL_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = service_url + JWKS_PATH
        self._fetch = fetch
        self._max_age_seconds = max_age_seconds
        self._min_interval_seconds = min_interval_seconds
        self._clock = clock
        self._lock = Lock()
        self._keys: dict[str, Key] = {}
        self._read_at: float | None = None
        self._due_at = 0.0
        self._failed = False
        self._pending_read: Future[None] | None = None

    def find(self, kid: str) -> Key | None:
        key = self._keys.get(kid)
        if key is not None:
            if self._is_stale():
                self._start()  # without waiting: the last good keys are used meanwhile
            return key
        if len(kid) <= MAX_KID_CHARS:
            self._await(self._start())
        if not self._keys:
            raise KeysUnavailable(f"{self._url} gave no keys")
        return self._keys.get(kid)

    def has(self, kid: str) -> bool:
        return kid in self._keys

    @property
    def unavailable(self) -> bool:
        if self._is_stale():
            self._start()
        return self._failed and self._is_stale()

    def _is_stale(self) -> bool:
        return self._read_at is None or self._clock() - self._read_at >= self._max_age_seconds

    def _start(self) -> "Future[None] | None":
        """The read under way, or a new one; None when it is too early for a new one."""
        with self._lock:
            if self._pending_read is not None:
                return self._pending_read
            # One read ahead of its time: keys that are rotated right after they were read must not
            # shut out who comes with the new one.
            now = self._clock()
            due_at = max(self._due_at, now)
            if due_at - now > self._min_interval_seconds:
                return None
            self._due_at = due_at + self._min_interval_seconds
            read = self._pending_read = Future()
        Thread(target=self._read, args=(read,), name="holdfast-keys", daemon=True).start()
        return read

    def _await(self, read: "Future[None] | None") -> None:
        if read is None:
            return
        try:
            read.result(WAIT_SECONDS)
        except WaitedTooLong:
            return

    def _read(self, read: "Future[None]") -> None:
        try:
            response = self._fetch(Request("GET", self._url, {"Accept": "application/json"}))
            if response.status != 200:
                raise FetchFailed(f"status {response.status}")
            keys = _parse(response.body)
            self._read_at, self._failed = self._clock(), False
            self._keys = keys  # last: who sees them sees how fresh they are
        except Exception as error:  # whatever an injected fetch raises, the last good keys stay
            self._due_at = self._clock() + 2 * self._min_interval_seconds
            self._failed = True  # last: who sees it may be told when the next read is due
            _log.warning("cannot read keys from %s: %s", self._url, error)
        finally:
            with self._lock:
                self._pending_read = None
            read.set_result(None)


def _parse(body: bytes) -> dict[str, Key]:
    """The usable keys of a key set; FetchFailed when there is none."""
    try:
        listed = json.loads(body)["keys"][:MAX_KEYS]
        keys = [_ed25519(key) for key in listed if key.get("crv") == "Ed25519"]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise FetchFailed("that is no key set") from error
    if not keys:
        raise FetchFailed("the key set has no Ed25519 key")
    return {key.kid: key for key in keys}


def _ed25519(key: Mapping[str, str]) -> Key:
    return Key(
        str(key["kid"]), EDDSA, Ed25519PublicKey.from_public_bytes(decode_base64url(key["x"]))
    )
