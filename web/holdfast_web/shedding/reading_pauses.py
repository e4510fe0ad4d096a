"""Does not read from refused clients for a moment.

A client that was told to come back in a second or later, and asks again at once, is not even read
until then. So what refusals cost is bounded by the number of connections, whatever each of them
sends: the rest waits in the kernel, and then in the client.
"""

import asyncio
from collections import deque
from typing import Final

PAUSE_SECONDS: Final = 1.0


class ReadingPauses:
    """The connections that are not read from at present, those first that are next."""

    def __init__(self) -> None:
        self._paused: deque[tuple[float, asyncio.Transport]] = deque()

    def begin(self, transport: asyncio.Transport) -> None:
        """Reads on from this connection after PAUSE_SECONDS."""
        loop = asyncio.get_running_loop()
        transport.pause_reading()
        due = loop.time() + PAUSE_SECONDS
        if not self._paused:
            loop.call_at(due, self._end_due)
        self._paused.append((due, transport))

    def _end_due(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        while self._paused and self._paused[0][0] <= now:
            _, transport = self._paused.popleft()
            if not transport.is_closing():
                transport.resume_reading()
        if self._paused:
            loop.call_at(self._paused[0][0], self._end_due)
