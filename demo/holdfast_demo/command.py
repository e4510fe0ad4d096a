"""`holdfast demo`: the command line of the demo."""

from __future__ import annotations

import asyncio
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import uvloop

from holdfast_demo.chaos.options import FAULT_NAMES

if TYPE_CHECKING:
    from holdfast_demo.chaos.options import ChaosOptions
    from holdfast_demo.runner import DemoOptions

FAILED = 2
INTERRUPTED = 130
TERMINATED = 143

EPILOG = """\b
Exit status:
  0         every promise held
  1         a promise was broken; the evidence is printed
  2         the demo could not be run
  130, 143  stopped by Ctrl-C or SIGTERM before there was a verdict

\b
Examples:
  holdfast demo
  holdfast demo --visitors 500 --rate 600
  holdfast demo --headless --workers 2 --data-dir ./demo-data
  holdfast demo --chaos
  for seed in $(seq 20); do holdfast demo --chaos --headless --chaos-seed $seed || break; done

\b
With --chaos, while people buy, each of these happens once:
  store files  the store is killed and its append-only file broken in the middle
  wipe         everything in the store is deleted
  workers      every worker process is killed
  ledger       another process keeps the ledger's write lock
  disk         the disk is full: a small tmpfs, or a quota where none can be mounted (and always
               with --data-dir)
  clock        the sale's time is set 5 s ahead in the store, as a jump of its clock leaves it
  flood        compressed bombs and requests that nobody can parse
Each is verified to have taken effect, and timed until a probe buyer has joined, held and confirmed
again: from the fault, or from its end for ledger and disk. What a lost store may cost (unpaid
holds) is listed beside it. A fault that had no effect, or that was not recovered from in time, is a
failure (1).
"""

_option = partial(click.option, show_default=True)
_PORT = click.IntRange(0, 65_535)
_TAKEN = "[default: %d, or any when it is taken]"


@click.command(epilog=EPILOG, short_help="Run a whole on-sale with a crowd, and audit it.")
@_option("--visitors", type=click.IntRange(1, 50_000), default=3_000, help="How many people come.")
@_option("--seed", type=int, default=1, help="Which people come.")
@_option(
    "--rate",
    "per_minute",
    type=click.IntRange(1, 60_000),
    default=1_500,
    help="Visitors admitted per minute.",
)
@_option(
    "--hold-seconds",
    type=click.IntRange(3, 3_600),
    default=40,
    help="How long seats are held for a buyer; people hurry or dawdle accordingly.",
)
@click.option(
    "--headless", is_flag=True, help="Plain lines instead of a panel, and exit after the audit."
)
@_option("--host", default="127.0.0.1", help="Address to listen on.")
@_option("--port", type=_PORT, help=f"Port of the service; 0 takes any free one.  {_TAKEN % 8080}")
@_option("--shop-port", type=_PORT, help=f"Port of the shop.  {_TAKEN % 8081}")
@_option("--workers", type=click.IntRange(1, 64), default=1, help="Worker processes.")
@click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Keep store, ledger and logs here.  [default: a temporary directory, removed at the end]",
)
@click.option("--chaos", is_flag=True, help="Break things while people buy, and audit that.")
@click.option(
    "--fault",
    "faults",
    multiple=True,
    type=click.Choice(FAULT_NAMES),
    help="Only these, given once or more; with --chaos.  [default: all, see below]",
)
@click.option(
    "--chaos-seed",
    type=int,
    help="Order and moments of the faults; with --chaos.  [default: 1]",
)
@click.option(
    "--recovery-seconds",
    type=click.FloatRange(0.1, 600),
    help="How soon people must be able to buy again; with --chaos.  [default: 10]",
)
def demo(
    *,
    chaos: bool,
    faults: tuple[str, ...],
    chaos_seed: int | None,
    recovery_seconds: float | None,
    **options: Any,
) -> None:
    """Run a whole on-sale with a crowd, and audit it.

    Starts the service with its embedded store, puts a sports hall of 1,221 seats and a standing
    floor on sale, opens a small shop, and sends a crowd over real HTTP: people arrive in a spike,
    wait, choose, pay, dawdle, let holds lapse, click twice, or never answer the call. The shop's
    server pays and confirms at a listener of its own, whose process the crowd does not reach. At
    the end the books are read through the API and every promise is checked.

    Open the printed address while it runs to stand in the same line. Afterwards everything stays
    up until Ctrl-C, unless --headless. With the defaults it takes two to three minutes.

    With --chaos store, ledger, workers, disk and clock are broken one after the other meanwhile.
    """
    # The crowd and the web stack are imported only to run the demo, not for --help.
    from holdfast_demo.runner import DemoOptions

    injected = _chaos_options(chaos, faults, chaos_seed, recovery_seconds)
    sys.exit(_run(DemoOptions(chaos=injected, **options)))


def _chaos_options(
    chaos: bool, names: tuple[str, ...], seed: int | None, recovery_seconds: float | None
) -> ChaosOptions | None:
    from holdfast_demo.chaos.options import ChaosOptions
    from holdfast_demo.chaos.target import can_inject

    given = {"names": names or None, "seed": seed, "recovery_seconds": recovery_seconds}
    chosen: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if not chaos:
        if chosen:
            raise click.UsageError("--fault, --chaos-seed and --recovery-seconds go with --chaos")
        return None
    if not can_inject():
        raise click.UsageError("--chaos finds the service's processes in /proc: Linux only")
    return ChaosOptions(**chosen)


def _run(options: DemoOptions) -> int:
    from holdfast_demo.runner import run_demo
    from holdfast_demo.sale import SaleRefused
    from holdfast_demo.service import ServiceFailed
    from holdfast_loadtest.client import ContractError

    try:
        return uvloop.run(run_demo(options))
    except KeyboardInterrupt:
        return _stopped(INTERRUPTED)
    except asyncio.CancelledError:
        return _stopped(TERMINATED)
    except (ServiceFailed, SaleRefused, ContractError, OSError) as failure:
        click.echo(f"the demo could not be run: {failure}", err=True)
        return FAILED


def _stopped(status: int) -> int:
    """Prints that a demo was stopped before its audit."""
    click.echo(
        "\nstopped before the audit; service and shop are down, nothing was checked", err=True
    )
    return status
