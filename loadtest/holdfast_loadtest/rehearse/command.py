"""`holdfast rehearse`: the command line of a rehearsal."""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import click
import msgspec
from rich.console import Console

from holdfast.api_client import is_local
from holdfast.cli.remote.command import RemoteService, remote_command
from holdfast.cli.remote.target import Target, find_target

if TYPE_CHECKING:
    from holdfast_loadtest.rehearse.rehearsal import RehearsalPlan, RehearsalResult

REPORTS: Final = "rehearsals"
NO_VERDICT: Final = 2
INTERRUPTED: Final = 130
TERMINATED: Final = 143
KEY_BYTES_MAX: Final = 4096

EPILOG = """\b
Exit status:
  0         every promise held, and the prediction was right
  1         a promise or a threshold was broken, or the prediction missed its tolerance
  2         there is no verdict: the sale, the people or the load could not be had, or the
            load was interrupted
  130, 143  stopped by Ctrl-C or SIGTERM; the test sale and its key are gone then, too

\b
Examples:
  holdfast rehearse gala
  holdfast rehearse gala --scenario flash --visitors 2000
  holdfast rehearse gala --world tomorrow.toml --seconds 600 --report rehearsal-of-gala
  holdfast rehearse gala --url https://wait.example --yes-load wait.example --scenario flash

\b
The prediction is that of `holdfast simulate` with the settings and the stock of SALE. The run is
Locust's, with the same people, against a copy of SALE that is a test sale: it is marked so in every
document and on every page, and the key of the run opens no other sale. Tolerated are 10% for the
time to sold out and 15% for the waits, and besides what chance makes of a crowd of that size: twice
the standard deviation over nine simulations. Small crowds say little.

Where the ledger cannot be reached from here, make the key of the run there, for the name of the
test sale:  holdfast keys create rehearsal --role platform --sale NAME
and give both:  --as NAME --run-key-file FILE
"""


@click.command(epilog=EPILOG, short_help="Rehearse a sale: predict, send a crowd, compare.")
@click.argument("sale")
@click.option("--scenario", help="Whose people come: a scenario's, by name or .toml file [smoke].")
@click.option(
    "--world",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Instead: the people of a world of `holdfast simulate`, who are all buyers.",
)
@click.option("--visitors", type=click.IntRange(1, 1_000_000), help="How many, instead.")
@click.option("--seconds", type=click.FloatRange(1, 86_400), help="When everybody goes home.")
@click.option("--processes", type=click.IntRange(1, 64), default=1, help="Of Locust, for the load.")
@click.option("--as", "test_sale", help="Name of the test sale (SALE-rehearsal-...).")
@click.option(
    "--run-key-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File with a key for the test sale alone; else one is made in the ledger here.",
)
@click.option("--keep", is_flag=True, help="Keep the test sale.")
@click.option(
    "--report",
    type=click.Path(file_okay=False, path_type=Path),
    help=f"Directory of the reports ({REPORTS}/<test sale>).",
)
@click.option(
    "--yes-load",
    metavar="HOST",
    help="Needed to load a service that is not on this machine: its host, once more.",
)
@remote_command
def rehearse(service: RemoteService, sale: str, **options: Any) -> None:
    """Copy SALE into a test sale, predict it, send it a crowd, and compare.

    A rehearsal loads the service as the sale would: stores, ledger and workers are the real ones.
    """
    operator, shop = (find_target(service.options, role) for role in ("operator", "shop"))
    _require_loadable((operator, shop), options["yes_load"])
    if find_spec("locust") is None:
        raise click.UsageError("the load is sent by Locust: install holdfast[loadtest]")
    from holdfast_loadtest.rehearse import rehearsal
    from holdfast_loadtest.rehearse.load_run import NoRun
    from holdfast_loadtest.rehearse.prediction import predict
    from holdfast_loadtest.rehearse.terminal import Progress
    from holdfast_loadtest.sale_api import ApiFault
    from holdfast_simulator.world import InvalidWorld

    console = Console(stderr=True, highlight=False)
    try:
        with _terminable():
            plan = _plan(service, operator, shop, sale, options)
            prediction = predict(plan.scenario, scenario=plan.title, sale=sale)
            _tell_prediction(console, plan, prediction.typical)
            progress = Progress(console)
            result = rehearsal.rehearse(plan, prediction, console.print, progress.tick)
    except KeyboardInterrupt:
        console.print("Stopped; the test sale and its key are gone.")
        sys.exit(INTERRUPTED)
    except (ApiFault, NoRun, InvalidWorld, OSError, ValueError) as error:
        console.print(f"There is no verdict: {error}", markup=False)
        sys.exit(NO_VERDICT)
    _show(service, plan, result)
    sys.exit(result.exit_status)


def _plan(
    service: RemoteService, operator: Target, shop: Target, sale: str, options: dict[str, Any]
) -> RehearsalPlan:
    """What the command line says, with the sale as it is now."""
    from holdfast_loadtest.rehearse import rehearsal, rehearsed_scenario
    from holdfast_loadtest.sale_api import SaleApi

    if options["scenario"] and options["world"]:
        raise click.UsageError("--scenario and --world exclude each other")
    api = SaleApi(operator.origin, operator.key)
    document = api.document(sale)
    people = rehearsed_scenario.read_people(options["scenario"], options["world"])
    scenario = rehearsed_scenario.rehearsed_scenario(
        people,
        document,
        api.plan(sale, dict[str, Any]),
        visitors=options["visitors"],
        seconds=options["seconds"],
    )
    test_sale = options["test_sale"] or rehearsal.test_sale_name(sale)
    key_file = options["run_key_file"]
    return rehearsal.RehearsalPlan(
        url=operator.origin,
        room_url=find_target(service.options, "room").origin,
        shop_url=shop.origin,
        key=operator.key,
        sale=sale,
        test_sale=test_sale,
        title=rehearsed_scenario.scenario_title(options["scenario"], options["world"]),
        scenario=scenario,
        original=document,
        report=options["report"] or Path(REPORTS) / test_sale,
        key_options=_key_options(service),
        run_key=None if key_file is None else _read_key(key_file),
        processes=options["processes"],
        keep=options["keep"],
    )


def _key_options(service: RemoteService) -> tuple[str, ...]:
    """Which ledger the keys are in, as `holdfast keys` is told."""
    named = {"--data-dir": service.options.data_dir, "--config": service.options.config_path}
    return tuple(text for name, path in named.items() if path for text in (name, str(path)))


def _read_key(path: Path) -> str:
    with path.open(encoding="utf-8") as file:
        key = file.read(KEY_BYTES_MAX).strip()
    if not key:
        raise click.UsageError(f"{path} has no key")
    return key


def _require_loadable(targets: Sequence[Target], agreed: str | None) -> None:
    """A service elsewhere is loaded only by who names it once more."""
    far = {urlsplit(one.origin).hostname or "" for one in targets if not is_local(one.origin)}
    strange = sorted(far - {agreed})
    if strange:
        raise click.UsageError(
            f"this would load {strange[0]}, which is not this machine. Whoever else uses it will "
            f"notice. If that is agreed with them: --yes-load {strange[0]}"
        )


@contextlib.contextmanager
def _terminable() -> Iterator[None]:
    """Makes SIGTERM an exit by which everything is cleaned up, as by Ctrl-C."""

    def end(_: int, __: FrameType | None) -> None:
        raise SystemExit(TERMINATED)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _tell_prediction(console: Console, plan: RehearsalPlan, prediction: Any) -> None:
    from holdfast_loadtest.rehearse.comparison import figure_text

    out = figure_text(prediction.sold_out_after_s, "s")
    waits = [figure_text(prediction.waits.p50, "s"), figure_text(prediction.waits.p90, "s")]
    console.print(
        f"{plan.title}: {plan.scenario.arrivals.visitors:,} people, at most "
        f"{plan.scenario.duration_seconds:,.0f} s\n"
        f"Predicted: sold out after {out}, waits of {waits[0]} (half of all) and {waits[1]} "
        f"(nine in ten), {prediction.peaks.waiting:,} waiting at most"
    )


def _show(service: RemoteService, plan: RehearsalPlan, result: RehearsalResult) -> None:
    """Writes the reports, and prints them."""
    from holdfast_loadtest.rehearse.page import write_page
    from holdfast_loadtest.rehearse.terminal import comparison_table

    written = msgspec.json.format(msgspec.json.encode(result))
    (plan.report / "rehearsal.json").write_bytes(written)
    write_page(result, plan.report / "rehearsal.html")
    if service.as_json:
        click.echo(written.decode())
        return
    out = Console(highlight=False)
    out.print(comparison_table(result.comparison))
    out.print(f"{result.run.verdict.summary}.", markup=False)
    right = "was right" if result.agrees else "MISSED its tolerance"
    out.print(f"The prediction {right}. Test sale: {result.cleaned.sale}.")
    for problem in result.cleaned.problems:
        out.print(f"Left behind: {problem}", style="bold red", markup=False)
    out.print(f"Report: {plan.report / 'rehearsal.html'}", markup=False, soft_wrap=True)
