"""The process that those which crash are forked from: it has imported the service, and opened
nothing.

There is one for each process that runs tests, whoever asks for it. It knows no path of the tests,
so what it imports is the service and what tests are made of.
"""

import multiprocessing
from typing import Final

FORKSERVER: Final = multiprocessing.get_context("forkserver")
FORKSERVER.set_forkserver_preload(
    ["holdfast.http.app", "holdfast.reconcile", "alembic.command", "aiosqlite", "uvloop"]
)
