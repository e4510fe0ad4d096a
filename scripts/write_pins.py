"""Writes constraints.txt: the version of every package in this environment, and nothing else."""

import re
import subprocess
import sys
from pathlib import Path

TARGET = Path(__file__).parent.parent / "constraints.txt"
HEADER = """\
# The whole tree of packages, pinned: what `make` installs and CI tests with.
# `make pins` writes it anew from the environment. Ranges and their reasons: docs/dependencies.md.
"""
NOT_OURS = {"pip", "setuptools", "wheel"}


def main() -> None:
    command = [sys.executable, "-m", "pip", "freeze", "--exclude-editable"]
    frozen = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    pins = [line for line in frozen.splitlines() if line.partition("==")[0] not in NOT_OURS]
    for pin in pins:
        if not re.fullmatch(r"[\w.-]+==(?:\d+!)?[\w.]+", pin):
            sys.exit(f"not a plain pin: {pin}")
    TARGET.write_text(HEADER + "\n".join(sorted(pins, key=str.lower)) + "\n")


if __name__ == "__main__":
    main()
