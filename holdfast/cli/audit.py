"""`holdfast audit`: who changed what, with what it was before and is now."""

from typing import Any, Final

import click

from holdfast.api_client import Document, sale_path
from holdfast.cli.remote.command import EXIT_STATUSES, RemoteService, remote_command
from holdfast.cli.remote.output import cell, limit_option, when
from holdfast.cli.sale.argument import sale_argument

COLUMNS: Final = ("time", "who", "from", "action", "sale", "what")
SHOWN_CHARS: Final = 160
"""of what changed; --json has all of it"""


@click.command(epilog=EXIT_STATUSES)
@sale_argument(required=False)
@click.option("--action", help="Only entries of this action, such as sale.patch.")
@click.option("--actor", help="Only what this key has done; its id, or operator.")
@limit_option
@remote_command
def audit(
    service: RemoteService, sale: str | None, action: str | None, actor: str | None, limit: int
) -> None:
    """Show the log of changes, of SALE or of all sales, the latest first.

    \b
    Examples:
      holdfast audit gala
      holdfast audit --actor operator --limit 200 --json
    """
    path = "/v1/audit" if sale is None else sale_path(sale, "audit")
    entries = service.api.items(path, {"action": action, "actor": actor}, limit=limit)
    service.show_list(entries, COLUMNS, _row, empty="There is no such entry")


def _row(entry: Document) -> tuple[Any, ...]:
    return (
        when(entry["time"]),
        entry.get("actor_name") or entry["actor"],
        entry["address"],
        entry["action"],
        entry["sale"],
        what_changed(entry),
    )


def what_changed(entry: Document) -> str:
    """What is different after the change, or its detail where nothing is."""
    before, after = entry.get("before") or {}, entry.get("after") or {}
    changed = [
        f"{name}: {cell(before.get(name))} -> {cell(after.get(name))}"
        for name in dict.fromkeys([*before, *after])
        if before.get(name) != after.get(name)
    ]
    detail = [f"{name}: {cell(value)}" for name, value in (entry.get("detail") or {}).items()]
    text = ", ".join(changed or detail)
    return text if len(text) <= SHOWN_CHARS else f"{text[:SHOWN_CHARS]} ..."
