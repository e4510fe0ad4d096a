"""Sets the gauges of one worker process: event loop, processor time, memory, and what is in work.

Once a second, since each is a number that is at hand. The lag of the event loop is measured more
often, by a timer of its own: whatever keeps the loop from running keeps the timer waiting, too.
"""

import asyncio
import platform
import resource
import sys
import time
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Final

from prometheus_client import Gauge

from holdfast_metrics.metrics import Metrics
from holdfast_tasks import Periodic

SET_SECONDS: Final = 1.0
LAG_SECONDS: Final = 0.5
STATM: Final = Path("/proc/self/statm")

GaugeSources = Mapping[Gauge, Callable[[], float]]
"""What a worker knows at any time, by the gauge that shows it."""


class WorkerGauges:
    """Sets the gauges of the worker in `slot`; of `restarts` the parent has told it."""

    def __init__(self, metrics: Metrics, slot: int, restarts: int, sources: GaugeSources) -> None:
        self._metrics = metrics
        self._sources = sources
        self._cpu = metrics.cpu_seconds.labels(str(slot))
        self._resident = metrics.resident_bytes.labels(str(slot))
        self._lag = metrics.loop_lag.labels()
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._task = Periodic("setting gauges of the worker", SET_SECONDS, self._set)
        metrics.worker_restarts.set(restarts)
        metrics.build_info.labels(version("holdfast"), platform.python_version()).set(1)

    def start(self) -> None:
        """Begins to set the gauges."""
        self._task.start()
        self._expect()

    async def stop(self) -> None:
        """Ends the tasks and waits until they have ended."""
        if self._timer is not None:
            self._timer.cancel()
        await self._task.stop()

    async def _set(self) -> None:
        # A replacement goes on with the count of its slot, to which only the growth is added.
        self._cpu.value = time.process_time()
        self._resident.set(resident_bytes())
        for gauge, source in self._sources.items():
            gauge.set(source())

    def _expect(self) -> None:
        due = self._loop.time() + LAG_SECONDS
        self._timer = self._loop.call_at(due, self._note_lag, due)

    def _note_lag(self, due: float) -> None:
        self._lag.observe(max(0.0, self._loop.time() - due))
        self._expect()


def resident_bytes() -> int:
    """The memory of this process; where the system does not tell it, the most that it ever had."""
    try:
        return int(STATM.read_text().split()[1]) * resource.getpagesize()
    except OSError:
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most if sys.platform == "darwin" else most * 1024
