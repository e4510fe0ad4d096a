"""`holdfast version`."""

from importlib.metadata import version as distribution_version

import click


@click.command()
def version() -> None:
    """Print the version."""
    click.echo(f"holdfast {distribution_version('holdfast')}")
