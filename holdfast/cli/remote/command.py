"""The decorator of commands that call the service: their options, and how they end.

Every such command has `--url`, `--key-file`, `--data-dir`, `--config` and `--json`, gets a
`RemoteService`, and ends with an `ExitStatus`. Of a refusal it prints the service's sentence and
what to do about it; with `--json` the problem document, on stderr.
"""

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property, wraps
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import click

from holdfast.api_client import ApiClient, ApiRefused, ApiUnreachable, Document
from holdfast.cli.remote.advice import advice_for
from holdfast.cli.remote.output import print_items, print_json, print_table
from holdfast.cli.remote.target import TargetOptions, find_target


class ExitStatus(IntEnum):
    """How a command that calls the service ends."""

    DONE = 0
    REFUSED = 1
    USAGE = 2
    UNREACHABLE = 3
    NOT_ALLOWED = 4
    NOT_FOUND = 5


EXIT_STATUSES: Final = """\b
Exit status:
  0  done
  1  the service refuses it, or you answered no
  2  the command line, a file or a key is not usable
  3  the service cannot be reached or cannot answer now: try again later
  4  the key is not valid, or may not do this
  5  there is no such sale, order or hold
"""


@dataclass(frozen=True)
class RemoteService:
    """The service of one run of a command, and how its answers are printed.

    A deployment may serve its roles at addresses of their own; a command asks the one that has what
    it needs.
    """

    options: TargetOptions
    as_json: bool

    @cached_property
    def api(self) -> ApiClient:
        """Where operators are served."""
        return self._serving("operator")

    @cached_property
    def shop(self) -> ApiClient:
        """Where holds and orders are served to API keys."""
        return self._serving("shop")

    @cached_property
    def sales_floor(self) -> ApiClient:
        """Where plans and seat maps are served."""
        return self._serving("sales_floor")

    def _serving(self, role: str) -> ApiClient:
        target = find_target(self.options, role)
        return ApiClient(target.origin, target.key)

    def show(self, document: object, text: str) -> None:
        """Prints what was done: the document with --json, else the text."""
        if self.as_json:
            print_json(document)
        else:
            click.echo(text)

    def show_list(
        self,
        items: Iterable[Document],
        columns: Sequence[str],
        row: Callable[[Document], Sequence[object]],
        *,
        empty: str,
    ) -> None:
        """Prints a list: as JSON, or as a table; `empty` is said on stderr where there is none."""
        if self.as_json:
            print_items(items)
        elif rows := [row(item) for item in items]:
            print_table(columns, rows)
        else:
            click.echo(empty, err=True)


def remote_command(
    command: Callable[..., None],
) -> Callable[..., None]:
    """Makes a function a command that calls the service; `@group.command()` stands above it."""

    @click.option("--url", help="Origin of the service (HOLDFAST_URL; that of --data-dir).")
    @click.option(
        "--key-file",
        type=click.Path(dir_okay=False, path_type=Path),
        help="File with the API key (HOLDFAST_KEY, HOLDFAST_KEY_FILE; that of --data-dir).",
    )
    @click.option(
        "--data-dir",
        type=click.Path(file_okay=False, path_type=Path),
        help="Data directory of a service on this machine (HOLDFAST_DATA_DIR; .holdfast).",
    )
    @click.option(
        "--config",
        "config_path",
        type=click.Path(dir_okay=False, path_type=Path),
        help="TOML file of that service's settings (HOLDFAST_CONFIG).",
    )
    @click.option("--json", "as_json", is_flag=True, help="Print JSON, refusals on stderr too.")
    @wraps(command)
    def run(**given: Any) -> None:
        names = ("url", "key_file", "data_dir", "config_path")
        options = TargetOptions(**{name: given.pop(name) for name in names})
        as_json = given.pop("as_json")
        with errors_told(as_json=as_json):
            command(RemoteService(options, as_json), **given)

    return run


@contextmanager
def errors_told(*, as_json: bool) -> Iterator[None]:
    """Ends the command with the status of what is raised in the block, and says why."""
    try:
        yield
    except ApiUnreachable as error:
        document = {"code": "unreachable", "detail": str(error)}
        _tell(document, advice_for("unreachable"), as_json=as_json)
        sys.exit(ExitStatus.UNREACHABLE)
    except ApiRefused as error:
        _tell(dict(error.document), advice_for(error.code), as_json=as_json)
        sys.exit(exit_status(error))


def exit_status(error: ApiRefused) -> ExitStatus:
    """The status with which a refused command ends."""
    if error.is_passing:
        return ExitStatus.UNREACHABLE
    if error.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return ExitStatus.NOT_ALLOWED
    if error.status == HTTPStatus.NOT_FOUND:
        return ExitStatus.NOT_FOUND
    return ExitStatus.REFUSED


def _tell(document: dict[str, Any], advice: str, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(document), err=True)
        return
    told = [f"Error: {document.get('detail') or document.get('title')}"]
    named = ((name, document[name]) for name in _LISTS if document.get(name))
    told += [f"  {name}: {', '.join(map(str, members))}" for name, members in named]
    if advice:
        told.append(f"  -> {advice}")
    click.echo("\n".join(told), err=True)


_LISTS: Final = ("conflicts", "unavailable")
"""members of a problem document that say what it is about"""
