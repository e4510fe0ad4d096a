"""`holdfast settings`: every setting, its value here, and what it means."""

from pathlib import Path

import click

from holdfast.cli.options import config_option, read_config
from holdfast.setting_docs import describe_settings, shown_value


@click.command()
@config_option
def settings(config_path: Path | None) -> None:
    """Print every setting, its value and meaning.

    The values are those that `holdfast serve` would use if it were started here and now, from
    the same file and environment. Secrets are shown only as set or not set.
    """
    config = read_config(config_path, {})
    for item in describe_settings():
        click.secho(f"{item.name} = {shown_value(config, item.name)}", bold=True)
        click.echo(f"    {' or '.join(item.variables)}; default {item.default}")
        click.echo(click.wrap_text(item.doc, 78, "    ", "    "))
