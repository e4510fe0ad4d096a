"""Where an application keeps its instruments, for every handler that counts something."""

from typing import Final

from aiohttp import web

from holdfast_metrics.metrics import Metrics

METRICS: Final = web.AppKey("metrics", Metrics)
