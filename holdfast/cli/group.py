"""The `holdfast` command: lists its commands, and imports one only when it is needed."""

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import ClassVar, Final

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
def _added() -> dict[str, EntryPoint]:
    """The commands of other packages, by name."""
    return {entry.name: entry for entry in entry_points(group=ENTRY_POINTS)}


class LazyGroup(click.Group):
    """A group that imports a command's module only to run it or to show its own help."""

    commands_table: ClassVar[Commands] = {}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names in the order in which a newcomer needs them."""
        return list(self.commands_table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command's module now."""
        if cmd_name not in self.commands_table:
            return None
        module, attribute = self.commands_table[cmd_name][0].split(":")
        with collection_paused():
            command = getattr(import_module(module), attribute)
        return command if isinstance(command, click.Command) else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands; none is imported."""
        texts = [(name, text) for name, (_, text) in self.commands_table.items()]
        with formatter.section("Commands"):
            formatter.write_dl(texts + self.added_texts(ctx))

    def added_texts(self, ctx: click.Context) -> list[tuple[str, str]]:
        """The commands that are not in the table, with what the help says about them."""
        return []


class MainGroup(LazyGroup):
    """The commands of this package, and then those of others."""

    commands_table: ClassVar[Commands] = COMMANDS

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Those of other packages last."""
        return [*super().list_commands(ctx), *sorted(_added())]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command's module now."""
        if cmd_name in COMMANDS or cmd_name not in _added():
            return super().get_command(ctx, cmd_name)
        with collection_paused():
            command = _added()[cmd_name].load()
        return command if isinstance(command, click.Command) else None

    def added_texts(self, ctx: click.Context) -> list[tuple[str, str]]:
        """The commands of other packages, which are imported for it."""
        commands = ((name, self.get_command(ctx, name)) for name in sorted(_added()))
        return [(name, one.get_short_help_str() if one else "") for name, one in commands]


@click.group(cls=MainGroup, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Holdfast gets a crowd through an on-sale: a fair line, seats held, nothing sold twice."""
