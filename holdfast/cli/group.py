"""The `holdfast` command: lists its commands, and imports one only when it is needed."""

from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any, Final

import click

from holdfast.processes.garbage_collector import collection_paused

ENTRY_POINTS: Final = "holdfast.commands"
"""the group of entry points by which other packages add commands"""

EPILOG = """\b
First steps:
  holdfast serve                     start here, http://127.0.0.1:8080
  holdfast sale create               a sale, question by question
  holdfast demo                      a whole on-sale with a crowd, to look at
"""

Commands = Mapping[str, tuple[str, str]]
"""name -> (module and attribute, what `--help` says about it)"""

COMMANDS: Final[Commands] = {
    "serve": ("holdfast.cli.serve:serve", "Run the service."),
    "settings": ("holdfast.cli.settings:settings", "Print every setting, its value and meaning."),
    "doctor": ("holdfast.cli.doctor:doctor", "Check store, ledger and host; say what to change."),
    "verify-draw": (
        "holdfast.cli.verify_draw:verify_draw",
        "Check a drawn order from its published values.",
    ),
    "reconcile": (
        "holdfast.cli.reconcile:reconcile_command",
        "Compare ledger, store and events of a sale, and repair it.",
    ),
    "sale": ("holdfast.cli.sale.group:sale", "Create, change and end sales."),
    "orders": ("holdfast.cli.orders.group:orders", "List, show, refund and export orders."),
    "seats": ("holdfast.cli.seats:seats", "List seats, take them off sale, put them back."),
    "holds": ("holdfast.cli.holds:holds", "List what is held, and give it back."),
    "audit": ("holdfast.cli.audit:audit", "Show who changed what."),
    "simulate": (
        "holdfast.cli.simulation.command:simulate",
        "Hold a sale in a program first; recommend its settings.",
    ),
    "keys": ("holdfast.cli.keys:keys", "Create, list and revoke API keys."),
    "ready": ("holdfast.cli.ready:ready", "Ask a node whether it would take traffic."),
    "completion": ("holdfast.cli.completion:completion", "Print the completion of a shell."),
    "version": ("holdfast.cli.version:version", "Print the version."),
}


@cache
def _added() -> Commands:
    """The commands of other packages, read when they are needed: it takes a while."""
    found = sorted(entry_points(group=ENTRY_POINTS), key=lambda entry: entry.name)
    return {entry.name: (entry.value, "") for entry in found if entry.name not in COMMANDS}


class LazyGroup(click.Group):
    """A group that imports a command's module only to run it or to show its own help.

    `added` gives commands besides those of `table`; the help takes their texts from themselves.
    """

    def __init__(
        self, *args: Any, table: Commands, added: Callable[[], Commands] = dict, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self._table = table
        self._added = added

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names in the order in which a newcomer needs them."""
        return [*self._table, *self._added()]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command's module now."""
        found = self._table.get(cmd_name) or self._added().get(cmd_name)
        if found is None:
            return None
        module, attribute = found[0].split(":")
        with collection_paused():
            command = getattr(import_module(module), attribute)
        return command if isinstance(command, click.Command) else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands; only the added ones are imported."""
        texts = [(name, text) for name, (_, text) in self._table.items()]
        added = ((name, self.get_command(ctx, name)) for name in self._added())
        texts += [(name, one.get_short_help_str() if one else "") for name, one in added]
        with formatter.section("Commands"):
            formatter.write_dl(texts)


@click.group(
    cls=LazyGroup,
    table=COMMANDS,
    added=_added,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"]},
)
def main() -> None:
    """Holdfast gets a crowd through an on-sale: a fair line, seats held, nothing sold twice."""
