"""`holdfast sale report`: what became of a sale, in short, as a page to print or as JSON."""

import sys
from pathlib import Path
from typing import Final

import click

from holdfast.api_client import Document, sale_path
from holdfast.cli.remote.command import RemoteService, remote_command
from holdfast.cli.remote.files import output_option, part_of
from holdfast.cli.remote.output import money, print_fields, printable
from holdfast.cli.sale.argument import sale_argument

FORMATS: Final = ("text", "html", "json")
BY_NAME: Final = {".html": "html", ".htm": "html", ".json": "json"}


@click.command()
@sale_argument()
@click.option(
    "--format",
    "kind",
    type=click.Choice(FORMATS),
    help="[default: by the name of --output, else text]",
)
@output_option
@remote_command
def report(service: RemoteService, sale: str, kind: str | None, output: Path | None) -> None:
    """Report on SALE: funnel, waits, stock, money, and whether all of it agrees.

    \b
    Examples:
      holdfast sale report gala                        in short
      holdfast sale report gala --output gala.html     one page with charts, to print
      holdfast sale report gala --json | jq .revenue
    """
    by_name = BY_NAME.get(output.suffix, "text") if output else "text"
    wanted = "json" if service.as_json else kind or by_name
    path = sale_path(sale, "report")
    if wanted == "text":
        if output is not None:
            raise click.UsageError("a file has --format html or json, or a name that says which")
        print_fields(summary(service.api.get(path, {"format": "json"})))
        return
    chunks = service.api.stream("GET", path, query={"format": wanted})
    if output is None:
        for chunk in chunks:
            sys.stdout.buffer.write(chunk)
        sys.stdout.buffer.flush()
        return
    with part_of(output) as part, part.open("wb") as file:
        file.writelines(chunks)
    click.echo(f"The report is in {output}", err=True)


def summary(report: Document) -> dict[str, object]:
    """The report in a few lines, by what they are about."""
    currency, funnel, waits = report["currency"], report["funnel"], report["waits"]
    stock, refunds = report["stock"], report["refunds"]
    amounts = {name: money(report["revenue"][name], currency) for name in _REVENUE}
    broken = [check["promise"] for check in report["audit"]["checks"] if check["state"] == "broken"]
    return {
        "sale": f"{report['sale']} ({report['name']}), {report['state']}",
        "sold": f"{stock['sold']:,} of {stock['total']:,}",
        "people": ", ".join(f"{count or 0:,} {stage}" for stage, count in funnel.items()),
        "waits": f"half up to {_seconds(waits['p50_seconds'])}, "
        f"nine in ten up to {_seconds(waits['p90_seconds'])}",
        "money": ", ".join(f"{amount} {name}" for name, amount in amounts.items()),
        "refunds": f"{refunds['orders']:,} orders, {refunds['units']:,} units",
        "agreement": "payments, orders and tickets agree"
        if report["comparison"]["agree"]
        else "payments, orders and tickets DIFFER; see --format html",
        "audit": ": ".join([report["audit"]["verdict"], *broken]),
        "draw": report["draw"]["verdict"] if report["draw"] else None,
        "missing": "; ".join(printable(str(one)) for one in report["missing"]),
    }


_REVENUE: Final = ("confirmed", "refunded", "kept", "owed")


def _seconds(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds:,.0f} s"
