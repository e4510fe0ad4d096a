"""A client of net changes, written from docs/api.md: the map that it has after each message."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient
from support.inventory.app import SALE

SSE: Final = {"Accept": "text/event-stream"}
SOON: Final = 10.0
LETTERS: Final = "fhbx"


@dataclass
class NetReader:
    """The map of one client, and the id of the last message."""

    states: list[str] = field(default_factory=list)
    areas: dict[str, Any] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    version: str = ""
    etag: str = ""
    kinds: list[str] = field(default_factory=list)

    def take_map(self, document: dict[str, Any]) -> None:
        """A whole map, packed as in a message or in letters as `GET seats` answers it."""
        states = document["states"]
        if "seat_count" in document:
            packed = base64.b64decode(states)
            seats = range(document["seat_count"])
            states = [LETTERS[packed[at // 4] >> (at % 4 * 2) & 3] for at in seats]
        self.states, self.areas = list(states), dict(document["areas"])
        self.counts, self.version = document["counts"], document["version"]
        self.etag = document["etag"]

    def take_changes(self, document: dict[str, Any]) -> None:
        """Net changes since the map that it has, or since an earlier one."""
        for state, runs in document["seats"].items():
            at = 0
            for gap, length in zip(runs[::2], runs[1::2], strict=True):
                at += gap
                self.states[at : at + length] = state * length
                at += length
        self.areas.update(document["areas"])
        self.counts, self.version = document["counts"], document["version"]

    def copy(self) -> NetReader:
        """Another client with the same map."""
        return NetReader(list(self.states), dict(self.areas), self.counts, self.version, self.etag)

    def has(self, shown: dict[str, Any]) -> bool:
        """Whether its map is this one; its version may be an earlier one, of the same seats."""
        own = "".join(self.states), self.areas, self.counts
        return own == (shown["states"], shown["areas"], shown["counts"])

    def require(self, shown: dict[str, Any]) -> None:
        """Whether its map is this one."""
        assert "".join(self.states) == shown["states"]
        assert (self.areas, self.counts) == (shown["areas"], shown["counts"])

    def take_line(self, line: str) -> None:
        """The data of a message as it came: what it is shows in its members."""
        document = json.loads(line.partition("data:")[2])
        (self.take_map if "seat_count" in document else self.take_changes)(document)

    async def read(self, response: ClientResponse) -> str:
        """Takes the next message; its kind: `map`, `message`, another event's, or `` at the end."""
        fields: dict[str, str] = {}
        async with asyncio.timeout(SOON):
            async for raw in response.content:
                line = raw.decode().rstrip("\n")
                if line:
                    name, _, value = line.partition(":")
                    fields[name] = value.strip()
                elif "data" in fields:
                    return self._take(fields)
        return ""

    def _take(self, fields: dict[str, str]) -> str:
        kind, document = fields.get("event", "message"), json.loads(fields["data"])
        if kind == "map":
            self.take_map(document)
        elif kind == "message":
            self.take_changes(document)
        else:
            self.kinds.append(document["code"])
            return kind
        self.etag = fields["id"]
        self.kinds.append(kind)
        return kind

    async def catch_up(self, response: ClientResponse, version: str) -> None:
        """Takes messages up to a version."""
        while self.version != version:
            assert await self.read(response), "the stream ended"

    async def catch_up_with(self, response: ClientResponse, shown: dict[str, Any]) -> None:
        """Takes messages up to a map. What was done and undone at once is told to nobody, so there
        may be none of its version.
        """
        while not self.has(shown):
            assert await self.read(response), "the stream ended"


@asynccontextmanager
async def following(
    client: TestClient[Any, Any], query: str = "", **headers: str
) -> AsyncIterator[ClientResponse]:
    """A stream of net changes."""
    address = f"{SALE}/changes?form=net{query}"
    async with client.get(address, headers={**SSE, **headers}) as response:
        yield response


async def line_with(reader: asyncio.StreamReader, text: str) -> str:
    """The first line from here on that has a text in it."""
    async with asyncio.timeout(SOON):
        while text not in (line := (await reader.readline()).decode()):
            assert line, "the stream ended"
    return line
