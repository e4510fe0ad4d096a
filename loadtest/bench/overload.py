"""What is left of the peak when more comes than the service takes, and does money go first?

    python loadtest/bench/overload.py [--roles] [--nginx] [--crowds holds joins polls]
        [--parts step levels confirms slow] [--seconds 4]

`holdfast serve` with one worker and its embedded store has one core, the generator another. It is
an open loop (holdfast_loadtest.open_loop): Poisson arrivals from a seed, sent when they are due,
whether or not earlier ones were answered. --visitors take turns, each on a connection that stays
open and from an address of its own; who is not answered hangs up after --patience seconds. Latency
counts from when the request was due. Good is what is answered 2xx within a second.

  peak      all visitors have come; offered load rises by steps until goodput does not any more.
            Its maximum is 1x
  step      0.7x, then 3x, then 0.7x again: seconds from the end of 3x until p99 is as before
            (each second at most twice that, or 100 ms, and not above 300 ms)
  levels    1x, 2x, 3x and 10x: goodput, its share of the peak, p50 and p99 of what was accepted,
            how the rest ended, growth of the worker's memory
  confirms  25 a second of orders whose holds exist, beside 1.5x holds and 1.5x joins
  slow      p99 of polls at 0.5x beside 2,000 clients that drip a head or a body or do not read,
            against without them, and when the last of those was closed

Crowds: holds by passes that the worker has seen, of an area that does not sell out; joins of a line
in which everybody waits; polls of the shared status.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Final

from bench.kit.command import Bench, Recorder
from bench.kit.overload.overloaded import CROWDS, ROOM, Crowd, Place, confirms, placed
from bench.kit.overload.report import COLUMNS, Measured, Recovery, Report, cells, line
from bench.kit.service import HOST
from holdfast_loadtest.open_loop.generator import Generator, Stream
from holdfast_loadtest.open_loop.outcome import Outcome
from holdfast_loadtest.open_loop.schedule import Phase, even, poisson
from holdfast_loadtest.open_loop.visitors import Visitors

RISING: Final = "rising"
ABOVE: Final = ("2x", "3x", "10x")
PARTS: Final = ("step", "levels", "confirms", "slow")
NEEDED_CROWDS: Final = {"confirms": {"holds", "joins"}, "slow": {"polls"}}
LEVELS: Final = (1.0, 2.0, 3.0, 10.0)
LEVEL_AIM: Final = 0.75
CLOSED_VISITORS, CLOSED_RATE, CLOSED_SECONDS = 64, 30_000, 1.0
FIRST_STEP, STEP_FACTOR, STEP_SECONDS, MOST_STEPS = 0.5, 1.15, 2.0, 24
RISES, MOST_FAILURES = 1.03, 2
STEP: Final = ((0.7, 4.0), (3.0, 4.0), (0.7, 12.0))
CONFIRMS_A_SECOND, SHOP_CONNECTIONS = 25.0, 200
BESIDE, BESIDE_CONFIRMS = 1.5, ("holds", "joins")
SLOW_BESIDE, SLOW_CLIENTS, SLOW_SECONDS, SLOW_START_SECONDS = 0.5, 2_000, 16.0, 1.0


class Overload:
    """Measurements of one service, printed as they are made."""

    def __init__(
        self, place: Place, generator: Generator, report: Report, options: argparse.Namespace
    ) -> None:
        self._place = place
        self._generator = generator
        self._report = report
        self._options = options
        self._seeds = iter(range(options.seed, sys.maxsize))
        self._idle_mib = place.mib

    def crowd(self, crowd: Crowd) -> None:
        """The peak of one crowd, and what the options ask for beyond it."""
        visitors = self._visitors(crowd)
        closed = self._closed(crowd)
        self._come(crowd, visitors, closed / 2)
        peak = self._report.peaks[crowd.name] = self._peak(crowd, visitors, FIRST_STEP * closed)
        if "step" in self._options.parts:
            self._step(crowd, visitors, peak)
        if "levels" in self._options.parts:
            for level in self._options.levels:
                self._level(crowd, visitors, level)
        visitors.leave()

    def confirms(self) -> None:
        """Confirms beside a crowd that holds and joins."""
        seconds = self._options.confirm_seconds
        due = even(CONFIRMS_A_SECOND, seconds)
        shop = self._generator.visitors((HOST, self._place.shop.port), SHOP_CONNECTIONS)
        streams = [Stream(shop, confirms(self._place, len(due)), due, seconds)]
        beside = [crowd for crowd in CROWDS if crowd.name in BESIDE_CONFIRMS]
        for crowd in beside:
            phases = [Phase(BESIDE * self._report.peaks[crowd.name], seconds)]
            streams.append(self._stream(crowd, self._visitors(crowd), phases))
        outcomes = self._generator.offer(streams)
        self._add("confirms", f"{CONFIRMS_A_SECOND:.0f}/s", outcomes[0])
        for crowd, outcome in zip(beside, outcomes[1:], strict=True):
            self._add(crowd.name, f"{BESIDE}x beside", outcome)
        for stream in streams:
            stream.visitors.leave()
        self._place.settle()

    def slow(self, crowd: Crowd) -> None:
        """A crowd without slow clients and beside them."""
        visitors = self._visitors(crowd)
        rate = SLOW_BESIDE * self._report.peaks[crowd.name]
        without = self._offer(crowd, visitors, [Phase(rate, SLOW_SECONDS)])
        self._add(crowd.name, f"{SLOW_BESIDE}x, no slow ones", without)
        with slow_clients(self._place.room.port) as process:
            beside = self._offer(crowd, visitors, [Phase(rate, SLOW_SECONDS)])
            self._add(crowd.name, f"{SLOW_BESIDE}x beside slow ones", beside)
            self._report.slow = json.loads(process.communicate()[0])
        ended, last = self._report.slow["ended"], self._report.slow["last_ended_seconds"]
        ratio = beside.percentile_ms(0.99) / without.percentile_ms(0.99)
        print(
            f"{'slow':10} {ended:,.0f} of {SLOW_CLIENTS:,} were closed, the last after {last:.0f} s"
        )
        print(f"{'':10} p99 of {crowd.name} beside them {ratio:.2f} of without", flush=True)
        visitors.leave()

    def _closed(self, crowd: Crowd) -> float:
        """What a closed loop of a few visitors is answered in a second."""
        few = self._visitors(crowd, CLOSED_VISITORS)
        closed = self._offer(crowd, few, [Phase(CLOSED_RATE, CLOSED_SECONDS)])
        few.leave()
        return closed.goodput

    def _come(self, crowd: Crowd, visitors: Visitors, rate: float) -> None:
        """Lets all visitors come, at an easy rate: a connection costs its opening only once."""
        self._offer(crowd, visitors, [Phase(rate, self._options.visitors / rate)])

    def _peak(self, crowd: Crowd, visitors: Visitors, rate: float) -> float:
        """The highest goodput of steps that rise from `rate`."""
        peak, failures = 0.0, 0
        for _ in range(MOST_STEPS):
            outcome = self._offer(crowd, visitors, [Phase(rate, STEP_SECONDS)])
            self._add(crowd.name, RISING, outcome)
            failures = 0 if outcome.goodput > peak * RISES else failures + 1
            peak = max(peak, outcome.goodput)
            if failures == MOST_FAILURES:
                break
            rate *= STEP_FACTOR
        return peak

    def _level(self, crowd: Crowd, visitors: Visitors, level: float) -> None:
        self._place.forget_peak()
        phase = Phase(level * self._report.peaks[crowd.name], self._options.seconds)
        outcome = self._offer(crowd, visitors, [phase])
        self._add(crowd.name, f"{level:g}x", outcome, self._place.peak_mib - self._idle_mib)

    def _step(self, crowd: Crowd, visitors: Visitors, peak: float) -> None:
        phases = [Phase(rate * peak, seconds) for rate, seconds in STEP]
        outcome = self._offer(crowd, visitors, phases)
        begun = int(phases[0].seconds)
        recovery = Recovery.of(outcome, begun, begun + int(phases[1].seconds))
        self._report.recoveries[crowd.name] = recovery
        self._add(crowd.name, ", ".join(f"{rate:g}x" for rate, _ in STEP), outcome)
        print(f"{crowd.name:10} {recovery}", flush=True)

    def _visitors(self, crowd: Crowd, count: int = 0) -> Visitors:
        address = HOST, crowd.service(self._place).port
        return self._generator.visitors(address, count or self._options.visitors)

    def _stream(self, crowd: Crowd, visitors: Visitors, phases: list[Phase]) -> Stream:
        due = poisson(phases, next(self._seeds))
        seconds = sum(phase.seconds for phase in phases)
        return Stream(visitors, crowd.requests(self._place), due, seconds)

    def _offer(self, crowd: Crowd, visitors: Visitors, phases: list[Phase]) -> Outcome:
        (outcome,) = self._generator.offer([self._stream(crowd, visitors, phases)])
        self._place.settle()
        return outcome

    def _add(self, name: str, load: str, outcome: Outcome, mib: float = 0.0) -> None:
        row = Measured.of(name, load, outcome, self._report.peaks.get(name, 0.0), mib)
        self._report.measured.append(row)
        print(line(cells(row)), flush=True)


@contextmanager
def slow_clients(port: int) -> Iterator[subprocess.Popen[bytes]]:
    """Slow clients, in a process on this one's core; it ends by itself after a while."""
    module = "holdfast_loadtest.open_loop.slow_clients"
    path, seconds = ROOM + "/status", SLOW_SECONDS + 2 * SLOW_START_SECONDS
    command = [sys.executable, "-m", module, HOST, port, path, SLOW_CLIENTS, seconds]
    with subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE) as process:
        time.sleep(SLOW_START_SECONDS)
        yield process


def measure(recorder: Recorder, options: argparse.Namespace) -> None:
    """Starts a service and takes the parts that are asked for, in order."""
    needed = {crowd for part in options.parts for crowd in NEEDED_CROWDS.get(part, ())}
    if options.parts != PARTS and not needed <= set(options.crowds):
        raise SystemExit(f"these parts need --crowds {' '.join(sorted(needed))}")
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    cores = sorted(os.sched_getaffinity(0))
    report = Report()
    print(line(COLUMNS))
    with ExitStack() as stack:
        generator = stack.enter_context(Generator(options.patience))
        place = stack.enter_context(
            placed(cores[0], cores[-1], with_roles=options.roles, with_nginx=options.nginx)
        )
        overload = Overload(place, generator, report, options)
        chosen = {crowd.name: crowd for crowd in CROWDS if crowd.name in options.crowds}
        for crowd in chosen.values():
            overload.crowd(crowd)
        if "confirms" in options.parts and chosen.keys() >= set(BESIDE_CONFIRMS):
            overload.confirms()
        if "slow" in options.parts and "polls" in chosen:
            overload.slow(chosen["polls"])
    keep(recorder, report)


def keep(recorder: Recorder, report: Report) -> None:
    """What a later run is read beside: peaks, shares of them, and all rows."""
    for crowd, peak in report.peaks.items():
        recorder.fact(f"{crowd}: peak", peak, "/s")
    for row in report.measured:
        if row.load in ABOVE:
            share = 100 * row.share
            recorder.fact(f"{row.crowd} at {row.load}", share, "% of the peak", f"{LEVEL_AIM:.0%}")
    for crowd, recovery in report.recoveries.items():
        recorder.fact(f"{crowd}: calm after 3x", recovery.calm_seconds or STEP[-1][1], "s")
    rows = [cells(row) for row in report.measured if row.load != RISING]
    recorder.table("streams", COLUMNS, rows)


def add_options(parser: argparse.ArgumentParser) -> None:
    names = [crowd.name for crowd in CROWDS]
    add = parser.add_argument
    add("--parts", nargs="*", choices=PARTS, default=PARTS)
    add("--levels", nargs="+", type=float, default=LEVELS, help="times the peak")
    add("--crowds", nargs="+", choices=names, default=names)
    add("--roles", action="store_true", help="a listener and a worker for each role")
    add("--nginx", action="store_true", help="through nginx, with the recipe")
    add("--seconds", type=float, default=4.0, help="for each level")
    add("--confirm-seconds", type=float, default=10.0)
    add("--visitors", type=int, default=2_000, help="of each crowd")
    add("--patience", type=float, default=5.0, help="seconds until clients hang up")
    add("--seed", type=int, default=1)


BENCH: Final = Bench(
    "overload",
    __doc__,
    measure,
    1,
    add_options,
    quick={"parts": ["levels"], "crowds": ["polls"], "visitors": 200, "levels": [1.0, 3.0]},
    warm_up=0,
)

if __name__ == "__main__":
    raise SystemExit(BENCH.main())
