"""Asks before what cannot be undone: on a terminal a question, elsewhere `--yes` is needed."""

import sys
from collections.abc import Callable
from typing import Any

import click

yes_option: Callable[[Callable[..., Any]], Callable[..., Any]] = click.option(
    "--yes", is_flag=True, help="Do not ask; needed where there is no terminal."
)


def ask(consequence: str, *, yes: bool) -> None:
    """Returns when it may be done; raises Abort at a no, UsageError where nobody can be asked."""
    if yes:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise click.UsageError(f"{consequence} Say --yes if that is meant.")
    click.confirm(f"{consequence} Go on?", abort=True, err=True)
