"""The processor time of the service, from its `/metrics`, by plain blocking calls."""

from __future__ import annotations

import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Final

import msgspec

from holdfast_loadtest.wire import Sale

METRIC: Final = "holdfast_process_cpu_seconds_total"
TIMEOUT_SECONDS: Final = 5.0
MAX_BYTES: Final = 16 * 2**20
_SAMPLE: Final = re.compile(rf"^{METRIC}(?:\{{[^}}]*\}})? (\S+)", re.MULTILINE)


class CoresReader:
    """Processor seconds a second of all workers, between two looks at their counters.

    `note` says why they are not known, when they are not.
    """

    def __init__(self, url: str, key: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.note = "/metrics has not been read"
        self._url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {key}"}
        self._clock = clock
        self._before: tuple[float, float] | None = None

    def cores(self) -> float | None:
        """None at the first look, without counters, and when a restart set them back."""
        text = self._get("/metrics")
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
        text = self._get(f"/v1/sales/{sale}")
        return None if text is None else msgspec.json.decode(text, type=Sale)

    def _get(self, path: str) -> str | None:
        request = urllib.request.Request(self._url + path, headers=self._headers)  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as response:  # noqa: S310
                return str(response.read(MAX_BYTES), "utf-8", "replace")
        except urllib.error.HTTPError as refusal:
            self.note = f"{path} answers {refusal.code}"
        except OSError as error:
            self.note = f"{path}: {error}"
        return None
