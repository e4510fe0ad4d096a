"""The service with aiohttp's own responses wherever it has `Ready` ones; all else is the same.

    python -m bench.kit.servers.plain_responses serve ...

Handlers find `web.Response` under the name `Ready`. Only the connection still knows the real one,
so it leaves every response to aiohttp.
"""

from __future__ import annotations

import importlib
import sys

from aiohttp import web

from holdfast.cli import main
from holdfast_web.server import connection, ready

HANDLERS = "holdfast.http.app"
"""imports every module that answers requests"""


def replace_ready() -> None:
    """Puts `web.Response` in the place of `Ready` in all modules but the connection's."""
    importlib.import_module(HANDLERS)
    original = ready.Ready
    for module in list(sys.modules.values()):
        if vars(module).get("Ready") is original and module is not connection:
            vars(module)["Ready"] = web.Response


if __name__ == "__main__":
    replace_ready()
    main()
