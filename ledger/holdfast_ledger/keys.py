"""API keys, stored by the hash of their secret: the ledger can check a key but not reveal it.

A secret is 256 random bits, so a plain SHA-256 is as good as a slow hash, and a lookup by the hash
is an index probe that tells an attacker nothing about how near a guess was.
"""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Row, insert, select, update

from holdfast_ledger.audit import append_entry
from holdfast_ledger.database.clock import now_ms
from holdfast_ledger.database.database import Database
from holdfast_ledger.database.schema import api_keys
from holdfast_ledger.records import Actor, KeyRecord

MAX_KEYS = 1_000
SECRET_PREFIX = "hf_"  # noqa: S105 - the public mark of a key, for secret scanners to find


def hash_secret(secret: str) -> str:
    """The hash of a secret, as it is stored."""
    return hashlib.sha256(secret.encode()).hexdigest()


class ApiKeys:
    """Typed access to `api_keys`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(
        self,
        name: str,
        role: int,
        channels: Sequence[str] = (),
        *,
        sales: Sequence[str] = (),
        actor: Actor | None = None,
    ) -> tuple[KeyRecord, str]:
        """Creates a key; returns it with its secret, which is stored nowhere.

        `sales` are the names of the sales that it may be used for; empty for all. The audit has an
        entry by `actor`.
        """
        secret = SECRET_PREFIX + secrets.token_urlsafe(32)
        record = KeyRecord(
            secrets.token_hex(8), name, role, now_ms(), None, tuple(channels), tuple(sales)
        )
        async with self._database.writing() as connection:
            row = {
                **asdict(record),
                "key_hash": hash_secret(secret),
                "channels": " ".join(record.channels),
                "sales": " ".join(record.sales),
            }
            await connection.execute(insert(api_keys).values(row))
            if actor is not None:
                made = {"name": name, "role": role, "channels": channels, "sales": sales}
                entry = actor.entry("key.create", detail={"key": record.id}, after=made)
                await append_entry(connection, entry, None)
        return record, secret

    async def find_hashes(self, hashes: Sequence[str]) -> dict[str, KeyRecord]:
        """By hash, the keys whose secrets have these hashes, unless they were revoked."""
        query = select(api_keys).where(
            api_keys.c.key_hash.in_(hashes), api_keys.c.revoked_ms.is_(None)
        )
        async with self._database.reading() as connection:
            return {row.key_hash: _record(row) for row in await connection.execute(query)}

    async def all(self) -> list[KeyRecord]:
        """All keys, oldest first, revoked ones too."""
        query = select(api_keys).order_by(api_keys.c.created_ms, api_keys.c.id).limit(MAX_KEYS)
        async with self._database.reading() as connection:
            return [_record(row) for row in await connection.execute(query)]

    async def revoke(self, key_id: str, actor: Actor | None = None) -> bool:
        """Revokes a key for good; False when no live key has this id."""
        async with self._database.writing() as connection:
            done = await connection.execute(
                update(api_keys)
                .where(api_keys.c.id == key_id, api_keys.c.revoked_ms.is_(None))
                .values(revoked_ms=now_ms())
            )
            revoked: bool = done.rowcount == 1
            if revoked and actor is not None:
                await append_entry(
                    connection, actor.entry("key.revoke", detail={"key": key_id}), None
                )
        return revoked


def _record(row: Row[Any]) -> KeyRecord:
    return KeyRecord(
        row.id,
        row.name,
        row.role,
        row.created_ms,
        row.revoked_ms,
        tuple(row.channels.split()),
        tuple(row.sales.split()),
    )
