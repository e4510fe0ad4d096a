"""`holdfast completion bash|zsh|fish`: what a shell needs to complete commands and sale names."""

import click
from click.shell_completion import get_completion_class

PROGRAM = "holdfast"
VARIABLE = "_HOLDFAST_COMPLETE"


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion of SHELL: commands, options, and the names of sales.

    \b
    Once, for every shell that starts afterwards:
      holdfast completion bash > ~/.local/share/bash-completion/completions/holdfast
      holdfast completion zsh > "${fpath[1]}/_holdfast"
      holdfast completion fish > ~/.config/fish/completions/holdfast.fish
    """
    kind = get_completion_class(shell)
    assert kind is not None
    root = click.get_current_context().find_root().command
    click.echo(kind(root, {}, PROGRAM, VARIABLE).source())
