"""What the master reads of the service during a run, by plain blocking calls: the processor time,
from `/metrics`, and the events of the sale.
"""

from __future__ import annotations

import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from holdfast_loadtest.wire import Sale

METRIC: Final = "holdfast_process_cpu_seconds_total"
TIMEOUT_SECONDS: Final = 5.0
MAX_BYTES: Final = 16 * 2**20
PAGE_SIZE: Final = 500
_SAMPLE: Final = re.compile(rf"^{METRIC}(?:\{{[^}}]*\}})? (\S+)", re.MULTILINE)


class ServiceReader:
    """Reads documents with a key; `note` says why the last one could not be read."""

    def __init__(self, url: str, key: str) -> None:
        self.note = ""
        self._url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {key}"}

    def get(self, path: str) -> str | None:
        request = urllib.request.Request(self._url + path, headers=self._headers)  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as response:  # noqa: S310
                return str(response.read(MAX_BYTES), "utf-8", "replace")
        except urllib.error.HTTPError as refusal:
            self.note = f"{path} answers {refusal.code}"
        except OSError as error:
            self.note = f"{path}: {error}"
        return None


class CoresReader(ServiceReader):
    """Processor seconds a second of all workers, between two looks at their counters.

    `note` says why they are not known, when they are not.
    """

    def __init__(self, url: str, key: str, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(url, key)
        self.note = "/metrics has not been read"
        self._clock = clock
        self._before: tuple[float, float] | None = None

    def cores(self) -> float | None:
        """Cores in use; None at the first look, without counters, and after a restart."""
        text = self.get("/metrics")
        if text is None:
            return None
        values = [float(value) for value in _SAMPLE.findall(text)]
        if not values:
            self.note = f"/metrics has no {METRIC}"
            return None
        self.note = ""
        now, used = self._clock(), sum(values)
        before, self._before = self._before, (now, used)
        if before is None or now <= before[0] or used < before[1]:
            return None
        return (used - before[1]) / (now - before[0])

    def read_sale(self, sale: str) -> Sale | None:
        """The settings of a sale."""
        text = self.get(f"/v1/sales/{sale}")
        return None if text is None else msgspec.json.decode(text, type=Sale)


class _Page(msgspec.Struct):
    items: list[msgspec.Raw]
    cursor: str
    next: str | None = None


class EventWriter(ServiceReader):
    """Writes the events of a sale to a file, one a line, while a run goes on.

    The service keeps about the last 200,000, which are those of some forty thousand visitors, and
    the audit needs them all.
    """

    def __init__(self, url: str, key: str, sale: str, path: Path) -> None:
        super().__init__(url, key)
        self._route = f"/v1/sales/{sale}/events?limit={PAGE_SIZE}"
        self._path = path
        self._after = ""
        path.write_bytes(b"")

    def keep(self) -> None:
        """Appends what is new, as far as it can be read now."""
        while True:
            text = self.get(f"{self._route}&after={self._after}")
            if text is None:
                if self.note.endswith("410"):
                    self._after = ""  # the store was lost: its events begin anew
                return
            page = msgspec.json.decode(text, type=_Page)
            with self._path.open("ab") as file:
                file.writelines(bytes(item) + b"\n" for item in page.items)
            self._after = page.cursor
            if page.next is None:
                return
