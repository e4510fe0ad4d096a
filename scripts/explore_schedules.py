"""Runs random schedules against the model; the test suite runs the first few.

    make explore ARGS="--schedules 100000 --processes 2"
    make explore ARGS="--two-stores --first 50000"

Shows how far it is, and the first schedule that fails, as short as it could be made, with the
command that runs its seed again. A seed is one run and always the same one, so that several
machines may share a range of seeds between them.
"""

import argparse
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from model.exploration import Exploration, explore


def main() -> int:
    """Exit code 1 when a schedule fails."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--schedules", type=int, default=1000, help="how many (1000)")
    parser.add_argument("--first", type=int, default=1000, help="the first seed (1000)")
    parser.add_argument(
        "--processes",
        type=int,
        default=os.cpu_count() or 1,
        help="how many at once, each with a store of its own (one for each processor)",
    )
    parser.add_argument(
        "--two-stores", action="store_true", help="failovers between two stores instead of one"
    )
    options = parser.parse_args()
    if options.schedules < 1 or options.processes < 1:
        parser.error("at least one schedule in one process")
    exploration = Exploration(
        options.first, options.schedules, options.processes, options.two_stores
    )
    return 0 if explore(exploration, lambda line: print(line, flush=True)) else 1


if __name__ == "__main__":
    sys.exit(main())
