"""Writes the metrics as the text that Prometheus reads."""

from collections.abc import Iterable
from typing import Final

from prometheus_client import CollectorRegistry

from holdfast_metrics import multiprocess
from holdfast_metrics.library import Family, choose_form, counter_family
from holdfast_metrics.manifest import MANIFEST
from holdfast_metrics.metrics import Metrics

_KEPT_ELSEWHERE: Final = {entry.name: entry for entry in MANIFEST if entry.kept_elsewhere}


class _Shown:
    """The families of a registry. Counters whose values are kept elsewhere are gauges for the
    library, which only adds to counters; here they are shown as counters.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    def collect(self) -> Iterable[Family]:
        for family in self._registry.collect():
            yield counter_family(family) if family.name in _KEPT_ELSEWHERE else family


def exposition(metrics: Metrics, accept: str = "") -> tuple[bytes, str]:
    """The series of all workers and their content type: OpenMetrics where `accept` names it, else
    Prometheus's text format.

    Blocks for milliseconds where it merges files. It does not flush: only the event loop's thread
    may.
    """
    write, content_type = choose_form(accept)
    return write(_Shown(multiprocess.collected(metrics.registry))), content_type
