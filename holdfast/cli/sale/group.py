"""The group `holdfast sale` and the table of its commands."""

from typing import Final

import click

from holdfast.cli.group import Commands, LazyGroup
from holdfast.cli.remote.command import EXIT_STATUSES

SALE_COMMANDS: Final[Commands] = {
    "create": ("holdfast.cli.sale.creation:create", "Create a sale from a file, or by questions."),
    "copy": ("holdfast.cli.sale.changes:copy", "Create a sale like another one."),
    "list": ("holdfast.cli.sale.views:list_sales", "List the sales."),
    "show": ("holdfast.cli.sale.views:show", "Show a sale: settings, state and counts."),
    "watch": ("holdfast.cli.sale.watch:watch", "Watch a sale as it goes on."),
    "set": ("holdfast.cli.sale.changes:set_fields", "Change settings while people wait."),
    "open": ("holdfast.cli.sale.lifecycle:open_sale", "Open it now, whatever its start time."),
    "pause": ("holdfast.cli.sale.lifecycle:pause", "Call and admit nobody for now."),
    "resume": ("holdfast.cli.sale.lifecycle:resume", "Go on after a pause."),
    "drain": ("holdfast.cli.sale.lifecycle:drain", "Take no new visitors, serve who waits."),
    "close": ("holdfast.cli.sale.lifecycle:close", "End it."),
    "delete": ("holdfast.cli.sale.changes:delete", "Delete a closed sale; orders are kept."),
    "arrivals": (
        "holdfast.cli.sale.recorded_arrivals:arrivals",
        "Write down when its visitors came.",
    ),
    "report": ("holdfast.cli.sale.report:report", "Report on a sale: JSON, or a page to print."),
}


@click.group(cls=LazyGroup, table=SALE_COMMANDS, epilog=EXIT_STATUSES)
def sale() -> None:
    """Create, watch, change and end sales, over the API of a running service.

    \b
    Without options it is the service that runs with the data directory here. From elsewhere:
      export HOLDFAST_URL=https://tickets.example HOLDFAST_KEY_FILE=~/holdfast.key
    """
