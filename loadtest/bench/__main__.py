"""Runs benchmarks one after the other, each in a process of its own.

    python loadtest/bench [NAME ...] [-- OPTIONS OF EACH]

Without names all are run. Behind `--` come options of every benchmark named: --quick, --compare,
--results DIR, --rounds N, and those of a single one (`python loadtest/bench holds -- --help`).
Exit status: that of the worst.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent
FILES: Final = {
    path.stem: path
    for path in sorted((*HERE.glob("[!_]*.py"), *HERE.glob("over_http/*.py")), key=lambda p: p.stem)
}
NAMES: Final = tuple(FILES)


def main(arguments: Sequence[str]) -> int:
    """Answers the exit status."""
    names, options = list(arguments), []
    if "--" in names:
        at = names.index("--")
        names, options = names[:at], names[at + 1 :]
    if "--help" in names or "-h" in names:
        print(__doc__, *NAMES, sep="\n  ")
        return 0
    if unknown := sorted({*names} - {*NAMES}):
        print(f"no benchmark: {', '.join(unknown)}; there are {', '.join(NAMES)}", file=sys.stderr)
        return 2
    ended = {}
    for number, name in enumerate(chosen := names or list(NAMES), 1):
        print(f"== {name}, {number} of {len(chosen)}", flush=True)
        started = time.perf_counter()
        command = [sys.executable, str(FILES[name]), *options]
        ended[name] = subprocess.run(command, check=False).returncode
        print(f"== {name}: {time.perf_counter() - started:.0f} s", flush=True)
    failed = {name: status for name, status in ended.items() if status}
    for name, status in failed.items():
        print(f"{name}: exit status {status}")
    return max(ended.values(), key=abs)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
