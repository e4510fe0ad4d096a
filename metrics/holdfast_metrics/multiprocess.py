"""Metrics of several workers: each writes files of its own, and a scrape adds them up.

The parent calls `prepare` once before it forks, each worker `join` before it makes an instrument,
and the parent `forget_worker` when one has died. A worker is known by its slot, the lowest number
that no other living worker has, and goes on with the files of the dead worker that had it before.

The library's own files are mapped into memory and end a worker when they find no room; ours do not
(see series_file). The names of the files are the library's: `<kind>_<slot>.db`.
"""

import logging
import os
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Final

from prometheus_client import CollectorRegistry

from holdfast_metrics import library
from holdfast_metrics.removals import Removals
from holdfast_metrics.series_file import SeriesFile, lock_file, without_removed

LOG_EVERY: Final = 100_000
REMOVALS_FILE: Final = "removals"

logger = logging.getLogger(__name__)


class WorkerFiles:
    """The files of one worker, one for each kind of series."""

    def __init__(self, directory: Path, slot: int) -> None:
        self._dropped = 0
        self._untaken = 0
        self._directory = directory
        self._slot = slot
        self._files: dict[str, SeriesFile] = {}
        self._removals = Removals(directory / REMOVALS_FILE)
        self._followed = self._removals.end()

    def of_kind(self, kind: str) -> SeriesFile:
        if kind not in self._files:
            path = self._directory / f"{kind}_{self._slot}.db"
            self._files[kind] = SeriesFile(path, self._drop, self._removals)
        return self._files[kind]

    def take_dropped(self) -> int:
        """The samples that were not written since the last call."""
        taken, self._untaken = self._untaken, 0
        return taken

    def remove_sale(self, name: str) -> None:
        """Removes the series of a sale from the files of this worker, and in time from all."""
        try:
            self._removals.append(name)
        except OSError as fault:
            self._drop(fault)

    def take_removed_sales(self) -> frozenset[str]:
        """The sales that were removed since the last call, after taking them out of the files:
        this worker's, and those of workers that have ended and were not replaced.
        """
        removed, self._followed = self._removals.after(self._followed)
        if removed:
            for file in self._files.values():
                file.follow_removals()
            for path in self._directory.glob("*.db"):
                self._follow_for_ended(path)
        return removed

    def _follow_for_ended(self, path: Path) -> None:
        with suppress(OSError):
            handle = lock_file(path)
            if handle is not None:
                os.close(without_removed(handle, path, self._removals))

    def _drop(self, fault: OSError) -> None:
        """Counts a sample that was not written, and logs the first of each LOG_EVERY."""
        if self._dropped % LOG_EVERY == 0:
            logger.warning("cannot write metrics until there is room: %s", fault.strerror)
        self._dropped += 1
        self._untaken += 1


class SharedValue:
    """One number of a series in the library's interface, written to a file for scrapes."""

    def __init__(
        self,
        files: WorkerFiles,
        kind: str,
        # What the key is made of: metric, name of the series, labels, their values, help.
        *description: Any,
        multiprocess_mode: str = "",
        **_others: object,
    ) -> None:
        self._file = files.of_kind(f"{kind}_{multiprocess_mode}" if kind == "gauge" else kind)
        self._key = library.series_key(*description)
        self._value = self._file.enter(self._key)

    def inc(self, amount: float) -> None:
        self.set(self._value + amount)

    def set(self, value: float, timestamp: float | None = None) -> None:
        self._value = value
        self._file.write(self._key, value, timestamp or 0.0)

    def get(self) -> float:
        return self._value

    def set_exemplar(self, _exemplar: object) -> None:
        """Does nothing: files have no exemplars."""

    def get_exemplar(self) -> None:
        """Does nothing: files have no exemplars."""


class _State:
    directory: Path | None = None
    files: WorkerFiles | None = None


def prepare(directory: Path) -> None:
    """Makes scrapes read the files of this (empty) directory."""
    _State.directory = directory


def join(slot: int) -> None:
    """In a worker: makes the instruments to come count into the files of `slot`."""
    if _State.directory is None:
        raise RuntimeError("prepare comes before join")
    _State.files = WorkerFiles(_State.directory, slot)
    library.make_values_with(partial(SharedValue, _State.files))


def forget_worker(slot: int) -> None:
    """Drops the gauges of a worker that has died. Its counters stay: what they counted happened."""
    if _State.directory is not None:
        with suppress(OSError):
            library.drop_gauges_of(slot, _State.directory)


def take_dropped_samples() -> int:
    """How many samples of this worker were not written since the last call."""
    return 0 if _State.files is None else _State.files.take_dropped()


def remove_sale(name: str) -> None:
    """Removes the series of a sale from the files of all workers of the node."""
    if _State.files is not None:
        _State.files.remove_sale(name)


def take_removed_sales() -> frozenset[str]:
    """The sales whose series were removed since the last call, by whichever worker."""
    return frozenset() if _State.files is None else _State.files.take_removed_sales()


def collected(own: CollectorRegistry) -> CollectorRegistry:
    """A registry that adds up the files of all workers, for one scrape; `own` without `prepare`."""
    return own if _State.directory is None else library.registry_of(_State.directory)
