"""How closely the line keeps its rate, on lines of many kinds and in driven time.

    python scripts/sweep_rates.py --rates 60 600 6000 --caps 30 300

The suite holds a few of these (tests/queue/line/test_control.py); this prints them all: for each
half of a default claim window, the passes given as a share of those that the rate allows. The burst
makes the first half more than one; a sudden change of the show share shows for half a window.

For each cap on those inside, who stay forty seconds on average, it prints the rate at which the
line then moves beside the one that an estimated wait goes by, 0 while it is not known
(tests/queue/line/test_capped_waits.py holds the waits).
"""

import argparse
import asyncio
import logging
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from conftest import TEST_LUA, Clock, fresh_uid, make_sale_hash
from support.line.harness import PLENTY, TERMS, Crowd, Leavers, Line, burst_excess, with_terms

from holdfast_lua import EmbeddedStore, Executor, load_bundle
from holdfast_lua.calls.line import LineCalls
from holdfast_queue.line.estimate import forecast

HALF_SECONDS = TERMS.claim_ms // 2000
HALVES = 8
CHANGE_AT = 4
STAY_SECONDS = 40
SHARES = ((1.0, 1.0), (0.5, 0.5), (0.1, 0.1), (0.9, 0.3), (0.3, 0.9), (0.1, 0.5))


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rates", type=int, nargs="*", default=[60, 600], help="passes a minute")
    parser.add_argument("--caps", type=int, nargs="*", default=[30], help="visitors inside")
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as name, EmbeddedStore(Path(name)) as store:
        asyncio.run(sweep(store.url, options.rates, options.caps))


async def sweep(url: str, rates: list[int], caps: list[int]) -> None:
    """Every rate with every pair of shares, and every cap, each on a sale of its own."""
    bundle = load_bundle(overlay={"clock": TEST_LUA / "clock.lua"})
    async with Executor(url, bundle) as executor:
        await Clock(executor).stand_still()
        for rate in rates:
            for shares in SHARES:
                await measure(executor, rate, shares)
        for cap in caps:
            await measure_capped(executor, cap)


async def measure_capped(executor: Executor, cap: int) -> None:
    """A full sale: passes a minute of each half, and what the estimate takes them for."""
    ref = await make_sale_hash(executor, fresh_uid(), free=PLENTY)
    line = Line(executor, LineCalls(executor), ref, Clock(executor).advance_ms)
    with_terms(line, rate_per_minute=60 * cap, cap=cap)
    await line.install()
    await line.fill(cap * HALVES * HALF_SECONDS // STAY_SECONDS * 2)
    crowd, rows = Leavers(line, 0.7, stay_seconds=lambda r: r.expovariate(1 / STAY_SECONDS)), []
    for _ in range(HALVES):
        begin_ms = await line.now_ms()
        await crowd.live(HALF_SECONDS)
        passes = crowd.passes_between(begin_ms + 1, await line.now_ms() + 1)
        moves = forecast(line.status) if line.status is not None else None
        taken_for = moves.ends_per_second * 60 if moves is not None else 0.0
        rows.append(f"{passes * 60 / HALF_SECONDS:.0f}/{taken_for:.0f}")
    print(f"{cap:6} inside, {cap * 60 / STAY_SECONDS:.0f} a minute: {' '.join(rows)}")


async def measure(executor: Executor, rate: int, shares: tuple[float, float]) -> None:
    """One line: the share of those who come changes in the middle."""
    ref = await make_sale_hash(executor, fresh_uid(), free=PLENTY)
    line = Line(executor, LineCalls(executor), ref, Clock(executor).advance_ms)
    with_terms(line, rate_per_minute=rate)
    await line.install()
    await line.fill(
        min(PLENTY - 1000, round(rate / 60 * HALVES * HALF_SECONDS / min(shares)) + 500)
    )
    crowd, met = Crowd(line, shares[0]), []
    for half in range(HALVES):
        crowd.show_share = shares[half >= CHANGE_AT]
        begin_ms = await line.now_ms()
        await crowd.live(HALF_SECONDS)
        passes = crowd.passes_between(begin_ms + 1, await line.now_ms() + 1)
        met.append(passes / (rate * HALF_SECONDS / 60))
    excess = burst_excess(crowd.passes_ms, rate, line.terms.burst)
    row = " ".join(f"{one:.3f}" for one in met)
    print(
        f"{rate:6} a minute, {shares[0]:.0%} then {shares[1]:.0%} come: {row}  over: {excess:.1f}"
    )


if __name__ == "__main__":
    main()
