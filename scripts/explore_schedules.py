"""Runs random schedules against the model for as long as one likes; the suite runs the first few.

    make explore ARGS="--seconds 600 --first 100000"

Prints how many ran, and the first one that fails, as short as it could be made. Each seed is one
run and always the same one, so several of these may share a range of seeds between them.
"""

import argparse
import asyncio
import logging
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from model.harness import Backend, open_harness, run_backend


def main() -> int:
    """Exit code 1 when a schedule fails."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--count", type=int, default=100_000, help="how many schedules at most")
    parser.add_argument("--seconds", type=float, default=300, help="for how long at most")
    parser.add_argument("--first", type=int, default=1000, help="the first seed")
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)
    with run_backend() as built:
        return asyncio.run(explore(built, options.first, options.count, options.seconds))


async def explore(built: Backend, first: int, count: int, seconds: float) -> int:
    """Seed after seed."""
    until = time.monotonic() + seconds
    done = 0
    async with open_harness(built) as harness:
        while done < count and time.monotonic() < until:
            found = await harness.search(range(first + done, first + done + 1), shrink=200)
            if found is not None:
                print(f"seed {found[0]}: {found[1]}")
                return 1
            done += 1
    print(f"{done} schedules from seed {first}: no violation")
    return 0


if __name__ == "__main__":
    sys.exit(main())
