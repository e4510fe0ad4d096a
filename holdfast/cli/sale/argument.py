"""The argument SALE, which a shell completes with the names that the service has."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import click
from click.shell_completion import CompletionItem

from holdfast.api_client import ApiClient, ApiError
from holdfast.cli.remote.target import TargetOptions, find_target
from holdfast_web.paths import SALES

COMPLETION_SECONDS: Final = 1.0
NAMES_MAX: Final = 200


def sale_argument(name: str = "sale", *, required: bool = True) -> Callable[..., Any]:
    """SALE, the name of a sale in the service."""
    return click.argument(name, required=required, shell_complete=_names)


def _names(context: click.Context, _: click.Parameter, begun: str) -> list[CompletionItem]:
    """The sales whose name begins so; none when the service does not answer at once."""
    given = context.params
    paths = {
        name: Path(str(given[name])) if given.get(name) else None
        for name in ("key_file", "data_dir", "config_path")
    }
    try:
        target = find_target(TargetOptions(url=given.get("url"), **paths))
        api = ApiClient(target.origin, target.key, tries=1, seconds=COMPLETION_SECONDS)
        sales = list(api.items(SALES, limit=NAMES_MAX))
    except (ApiError, click.ClickException):
        return []
    return [
        CompletionItem(item["sale"], help=item["name"])
        for item in sales
        if item["sale"].startswith(begun)
    ]
