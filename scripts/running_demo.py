"""A run of `holdfast demo`, for the scripts that take pictures of it."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
IMAGES: Final = ROOT / "docs" / "images"
SALE: Final = "concert"
HOLDFAST: Final = (sys.executable, "-m", "holdfast")
START_SECONDS: Final = 90.0
POLL_SECONDS: Final = 0.2


@contextmanager
def running_demo(*options: str, quiet: bool = False) -> Iterator["subprocess.Popen[bytes]"]:
    """The demo with these options, until the block ends."""
    output = subprocess.DEVNULL if quiet else None
    process = subprocess.Popen([*HOLDFAST, "demo", *options], stdout=output, cwd=ROOT)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(START_SECONDS)


def wait_until(is_true: Callable[[], bool], otherwise: str) -> None:
    """Polls until the condition holds; ends the script with a message when it takes too long."""
    deadline = time.monotonic() + START_SECONDS
    while not is_true():
        if time.monotonic() > deadline:
            sys.exit(otherwise)
        time.sleep(POLL_SECONDS)


def operator_key(directory: str) -> str:
    """A key of role operator, which is made in the demo's ledger."""
    create = ("keys", "create", "pictures", "--role", "operator", "--json")
    made = subprocess.check_output([*HOLDFAST, *create, "--data-dir", directory], cwd=ROOT)
    return str(json.loads(made)["secret"])
