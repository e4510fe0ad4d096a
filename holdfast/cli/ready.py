"""`holdfast ready`: asks a node whether it would take traffic, for health checks without curl."""

import json
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path
from typing import Final
from urllib.error import HTTPError
from urllib.request import ProxyHandler, build_opener

import click

from holdfast.cli.options import config_option, read_config
from holdfast.local_origins import local_origin

MAX_ANSWER_BYTES: Final = 64 * 1024


@click.command()
@click.option("--url", help="Origin of the node, such as http://10.0.0.7:8080.")
@click.option(
    "--timeout", type=click.FloatRange(0.1, 60), default=5.0, show_default=True, metavar="SECONDS"
)
@config_option
def ready(config_path: Path | None, url: str | None, timeout: float) -> None:
    """Ask a node whether it would take traffic now, by its /readyz.

    Ends with status 0 when store and ledger take writes, else with 1 and the reason. Without --url
    it asks the node that `holdfast serve` would be with the settings of here, at each listener.

    \b
    Examples:
      holdfast ready
      holdfast ready --url http://10.0.0.7:8080 --timeout 2
    """
    for origin in [url] if url else _own_origins(config_path):
        _ask(origin.rstrip("/"), timeout)
    click.echo("ready")


def _ask(origin: str, timeout: float) -> None:
    if not origin.startswith(("http://", "https://")):
        raise click.BadParameter("an http(s) origin", param_hint="--url")
    # A proxy of the environment is for what lies outside.
    opener = build_opener(ProxyHandler({}))
    try:
        with opener.open(f"{origin}/readyz", timeout=timeout):
            pass
    except HTTPError as answer:
        with answer:
            text = answer.read(MAX_ANSWER_BYTES)
        raise click.ClickException(f"{origin} is not ready: {_reasons(text)}") from None
    except (OSError, ValueError, HTTPException) as error:
        why = getattr(error, "reason", None) or error
        raise click.ClickException(f"{origin} does not answer: {why}") from error


def _own_origins(config_path: Path | None) -> list[str]:
    """That of each listener, since each is served by other processes."""
    addresses = [group.address for group in read_config(config_path, {}).groups()]
    if not all(address.path or address.port for address in addresses):
        raise click.UsageError("port 0 can be any: say which by --url")
    reachable = [local_origin(address) for address in addresses if not address.path]
    if not reachable:
        raise click.UsageError("this node has unix sockets only: ask its proxy by --url")
    return reachable


def _reasons(text: bytes) -> str:
    """What of the node is not as it should be, by its own words."""
    with suppress(ValueError, AttributeError, TypeError):
        checks = json.loads(text)["checks"]
        if wrong := [f"{name} {state}" for name, state in checks.items() if state != "ok"]:
            return ", ".join(wrong)
    return "its answer is none of /readyz"
