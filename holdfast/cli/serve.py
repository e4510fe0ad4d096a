"""`holdfast serve`: run the service until SIGTERM or Ctrl-C."""

from functools import partial
from pathlib import Path

import click

from holdfast.cli.options import config_option, data_dir_option, read_config
from holdfast.config import ConfigError, load_config
from holdfast.log_formatters import LOG_FORMATS
from holdfast.processes.launch import run_service
from holdfast.processes.launch_error import LaunchError
from holdfast_lua.client.store_url import FORMS, OPTIONS


def _stores() -> str:
    """What HOLDFAST_STORE_URL may be, for --help."""
    lines = ["\b", "HOLDFAST_STORE_URL:"]
    for part in (FORMS, OPTIONS):
        for form, meaning in part:
            lines += [f"  {form}", f"      {meaning}"]
    return "\n".join(lines)


def _separated(
    _context: click.Context, _option: click.Parameter, text: str | None
) -> list[str] | None:
    """The words of an option that takes several."""
    return None if text is None else [word.strip() for word in text.split(",") if word.strip()]


@click.command(epilog=_stores())
@click.option("--host", help="Address to listen on (HOLDFAST_HOST; default 127.0.0.1).")
@click.option("--port", type=int, help="Port; 0 takes any free one (HOLDFAST_PORT; default 8080).")
@click.option("--workers", type=int, help="Worker processes (HOLDFAST_WORKERS; default 1).")
@click.option(
    "--roles",
    callback=_separated,
    help="What to serve of room, sales-floor, shop and operator, by commas (HOLDFAST_ROLES; all).",
)
@click.option("--admin-port", type=int, help="Port of /metrics alone (HOLDFAST_ADMIN_PORT).")
@click.option(
    "--log-format",
    type=click.Choice(LOG_FORMATS),
    help="Form of the log's lines (HOLDFAST_LOG_FORMAT; text).",
)
@data_dir_option
@config_option
def serve(config_path: Path | None, **options: Path | str | int | list[str] | None) -> None:
    """Run the service.

    Without any setting it needs nothing else: it starts its own Valkey, keeps its ledger in
    SQLite, makes its secrets, and listens on http://127.0.0.1:8080. Everything lives in the data
    directory and is found again at the next start.

    \b
    Examples:
      holdfast serve
      holdfast serve --port 9000 --workers 4
      holdfast serve --roles room,sales-floor
      HOLDFAST_LEDGER_URL=postgresql://holdfast@db/holdfast holdfast serve --host 0.0.0.0

    SIGTERM lets requests in flight finish, then stops workers and store. SIGHUP reads the settings
    again and replaces the workers one after the other. `holdfast settings` lists everything that
    can be set.
    """
    config = read_config(config_path, options)
    try:
        run_service(config, partial(load_config, config_path, overrides=options))
    except (ConfigError, LaunchError) as error:
        raise click.ClickException(str(error)) from error
