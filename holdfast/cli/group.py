"""The `holdfast` command: lists its commands, and imports one only when it is needed."""

from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Final

import click

from holdfast.processes.garbage_collector import collection_paused

ENTRY_POINTS: Final = "holdfast.commands"
"""the group of entry points by which other packages add commands"""

EPILOG = """\b
First steps:
  holdfast serve                     start here, http://127.0.0.1:8080
  cat .holdfast/operator.key         the key that creates sales
  holdfast demo                      a whole on-sale with a crowd, to look at
"""

# name -> (module and attribute, what `holdfast --help` says about it)
COMMANDS: dict[str, tuple[str, str]] = {
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
    "keys": ("holdfast.cli.keys:keys", "Create, list and revoke API keys."),
    "version": ("holdfast.cli.version:version", "Print the version."),
}


@cache
def _added() -> dict[str, EntryPoint]:
    """The commands of other packages, by name."""
    return {entry.name: entry for entry in entry_points(group=ENTRY_POINTS)}


class LazyGroup(click.Group):
    """A group that imports a command's module only to run it or to show its own help."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names in the order in which a newcomer needs them; those of other packages last."""
        return [*COMMANDS, *sorted(_added())]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command's module now."""
        with collection_paused():
            if cmd_name in COMMANDS:
                module, attribute = COMMANDS[cmd_name][0].split(":")
                command = getattr(import_module(module), attribute)
            elif cmd_name in _added():
                command = _added()[cmd_name].load()
            else:
                return None
        return command if isinstance(command, click.Command) else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands; of those in the table none is imported."""
        texts = {name: text for name, (_, text) in COMMANDS.items()}
        for name in sorted(_added()):
            command = self.get_command(ctx, name)
            texts[name] = command.get_short_help_str() if command else ""
        with formatter.section("Commands"):
            formatter.write_dl(list(texts.items()))


@click.group(cls=LazyGroup, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Holdfast gets a crowd through an on-sale: a fair line, seats held, nothing sold twice."""
