"""Pictures of the command line, of a sale that is going on: docs/images/command-*.svg.

Starts `holdfast demo` with its crowd. As soon as a part is sold, each command of `PICTURES` runs in
a terminal of its own; what stands there, colours included, is drawn by rich. Only one thing is
arranged: a second sale, which a command copies from the first so that the list has two.
"""

import argparse
import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Mapping, Sequence
from functools import partial
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from scripts.running_demo import IMAGES, SALE, operator_key, running_demo, wait_until

HOLDFAST: Final = Path(sys.executable).with_name("holdfast")
NEXT: Final = ("sale", "copy", SALE, "concert-2", "name=Second night")
NEXT_START: Final = "event_start_time=2037-03-08T20:00:00Z"
PICTURES: Final[dict[str, tuple[str, ...]]] = {
    "command-watch": ("sale", "watch", SALE),
    "command-sales": ("sale", "list"),
    "command-orders": ("orders", "list", SALE, "--limit", "10"),
}
VISITORS: Final = 1200
RATE: Final = 600
"""a minute, so that most of them still wait when `SOLD` units are sold"""
SOLD: Final = 300
COMMAND_SECONDS: Final = 30.0
WATCHED_SECONDS: Final = 4.0
ROWS: Final = 60
COLUMNS_MAX: Final = 200
WATCHED_COLUMNS: Final = 96
_REDRAWN: Final = re.compile(rb"(?:\r?\x1b\[2K|\x1b\[1A)+")
"""what rich writes before it draws a panel again over the last one"""
_OTHER_CONTROLS: Final = re.compile(r"\x1b\[\?[0-9]+[hl]|\r")
_FONTS: Final = re.compile(r"@font-face \{.*?\}\s*|<!--.*?-->\s*", re.DOTALL)
"""what rich would have a browser fetch from elsewhere; a text is as wide without it"""


def main() -> None:
    """Runs the demo and draws the pictures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--visitors", type=int, default=VISITORS)
    parser.add_argument("--out", type=Path, default=IMAGES)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    size = ("--visitors", str(options.visitors), "--rate", str(RATE))
    with TemporaryDirectory() as directory:
        place = ("--port", "0", "--shop-port", "0", "--data-dir", directory)
        with running_demo("--headless", *place, *size):
            wait_until(Path(directory, "operator.url").exists, "the demo did not start")
            environ = {"PATH": os.environ["PATH"], "HOLDFAST_DATA_DIR": directory, "TZ": "UTC"}
            environ["HOLDFAST_KEY"] = operator_key(directory)
            wait_until(partial(_is_selling, environ), "nothing was sold")
            subprocess.run([HOLDFAST, *NEXT, NEXT_START], env=environ, check=True)
            for name, command in PICTURES.items():
                path = options.out / f"{name}.svg"
                path.write_text(drawn(command, shown_by(command, environ)), encoding="utf-8")
                print(path)


def _is_selling(environ: Mapping[str, str]) -> bool:
    """Whether enough is sold; how fast people come depends on the machine."""
    told = subprocess.run(
        [HOLDFAST, "sale", "watch", SALE, "--once", "--json"],
        env=environ,
        capture_output=True,
        check=False,
    )
    return told.returncode == 0 and json.loads(told.stdout)["stock"]["booked"] >= SOLD


def shown_by(command: Sequence[str], environ: Mapping[str, str]) -> Text:
    """The terminal's content when the command has ended, or after some seconds of watching."""
    watched = "watch" in command
    columns = WATCHED_COLUMNS if watched else COLUMNS_MAX
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, columns, 0, 0))
    process = subprocess.Popen(
        [HOLDFAST, *command],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**environ, "TERM": "xterm-256color"},
    )
    os.close(theirs)
    try:
        written = _read(ours, WATCHED_SECONDS if watched else COMMAND_SECONDS)
    finally:
        process.terminate()
        process.wait(COMMAND_SECONDS)
        os.close(ours)
    # A panel that redraws itself: the newest that was drawn whole.
    *whole, newest = _REDRAWN.split(written)
    last = whole[-1] if whole else newest
    return Text.from_ansi(_OTHER_CONTROLS.sub("", last.decode()))


def _read(terminal: int, seconds: float) -> bytes:
    """What is written within this time, or until nobody is at the other end."""
    os.set_blocking(terminal, False)
    written = bytearray()
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            written += os.read(terminal, 65536)
        except BlockingIOError:
            time.sleep(0.05)
        except OSError:  # how a terminal says that the command has ended
            break
    return bytes(written)


def drawn(command: Sequence[str], shown: Text) -> str:
    """A terminal with the command and what it has shown, as SVG."""
    whole = Text.assemble(("$ ", "dim"), ("holdfast " + " ".join(command), "bold"), "\n", shown)
    whole.rstrip()
    width = max(cell_len(line) for line in whole.plain.splitlines())
    console = Console(record=True, width=width, file=StringIO(), force_terminal=True)
    console.print(whole, soft_wrap=True)
    return _FONTS.sub("", console.export_svg(title="", unique_id=f"holdfast-{command[1]}"))


if __name__ == "__main__":
    main()
