"""`holdfast reconcile`: compares ledger, store and events of a sale, and repairs the store."""

import asyncio
import json
import sys
from dataclasses import asdict
from pathlib import Path

import click

from holdfast.cli.options import config_option, data_dir_option, read_config
from holdfast.cli.remote.output import print_table
from holdfast.config import Config
from holdfast.data_files import ledger_url_in
from holdfast.reconcile import Reconciliation, reconcile
from holdfast.reconcile.reading import Reader
from holdfast.sales.plans import PlanCache
from holdfast_ledger import Ledger, LedgerError
from holdfast_ledger.errors import explain
from holdfast_lua.client.executor import Executor
from holdfast_lua.embedded.files import StoreFiles
from holdfast_lua.errors import StoreError
from holdfast_web.errors import HoldfastError

SAME, DIFFERENT, FAILED = 0, 1, 2
COLUMNS = ("kind", "where", "ledger", "store", "events")


@click.command("reconcile")
@click.argument("sale")
@click.option("--repair", is_flag=True, help="Bring the store to what the ledger says.")
@click.option(
    "--rebuild", is_flag=True, help="Repair, and write anew what that cannot; ends unpaid holds."
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@data_dir_option
@config_option
def reconcile_command(
    sale: str,
    config_path: Path | None,
    data_dir: Path | None,
    *,
    repair: bool,
    rebuild: bool,
    as_json: bool,
) -> None:
    """Compare ledger, store and events of SALE, seat by seat and area by area.

    Safe while the sale runs: what differs is read again, several times, before it is called a
    difference. With --repair the ledger wins, through the scripts that the service uses itself.
    The embedded store can be asked only while the service runs.

    \b
    Ends with status
      0  the three say the same, or do after the repair
      1  they differ
      2  they could not be compared

    \b
    Examples:
      holdfast reconcile finale
      holdfast reconcile finale --repair --json
    """
    config = read_config(config_path, {"data_dir": data_dir})
    try:
        result = asyncio.run(_run(config, sale, repair=repair, rebuild=rebuild))
    except (HoldfastError, LedgerError, StoreError, ValueError) as error:
        click.echo(f"could not compare: {explain(error)}", err=True)
        sys.exit(FAILED)
    if as_json:
        click.echo(json.dumps(asdict(result), indent=2))
    else:
        _print(result)
    sys.exit(DIFFERENT if result.differences else SAME)


async def _run(config: Config, sale: str, *, repair: bool, rebuild: bool) -> Reconciliation:
    url = config.store_url or f"unix://{StoreFiles(config.data_dir.resolve()).socket}"
    ledger = await Ledger.open(config.ledger_url or ledger_url_in(config.data_dir), existing=True)
    try:
        async with Executor(url) as executor:
            reader = Reader(executor, ledger, PlanCache(ledger))
            return await reconcile(reader, sale, repair=repair, rebuild=rebuild)
    finally:
        await ledger.close()


def _print(result: Reconciliation) -> None:
    compared = ", ".join(f"{count} {what}" for what, count in result.compared.items())
    click.echo(f"{result.sale} (uid {result.uid}, epoch {result.epoch}): {compared}")
    rows = [[getattr(one, column) for column in COLUMNS] for one in result.differences]
    if rows:
        print_table(COLUMNS, rows)
    if result.repaired:
        click.echo(f"{len(result.repaired)} differences were repaired")
    click.echo(f"{len(result.differences)} differences")
