"""Commands and options in the documents exist, and docs/commands.md has all that call the API."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click
import pytest

from holdfast.cli import main

ROOT: Final = Path(__file__).resolve().parents[3]
PAGES: Final = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
CLIENTS: Final = ("sale", "orders", "seats", "holds", "audit", "rehearse")
"""the commands, and groups of them, that call the service"""
COMMON: Final = {"--url", "--key-file", "--data-dir", "--config", "--json", "--help"}
# A command in a page: its words and options, up to what ends it.
_COMMAND: Final = re.compile(r"(?<![\w/.-])holdfast ([a-z][^`\n|#;)]*)")


def commands(
    group: click.Group, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command that is no group, by its words."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        elif command is not None:
            yield (*path, name), command


ALL: Final = dict(commands(main))


def options_of(command: click.Command) -> set[str]:
    named = {
        one for parameter in command.params for one in (*parameter.opts, *parameter.secondary_opts)
    }
    return {option for option in named if option.startswith("-")} | {"--help"}


def unknown_in(text: str) -> list[str]:
    """The commands of a text that do not exist, and those with options that they do not have."""
    wrong = []
    for match in _COMMAND.finditer(text):
        words = match[1].split()
        path = next((tuple(words[:n]) for n in (2, 1) if tuple(words[:n]) in ALL), None)
        if path is None:
            if _is_command(words):
                wrong.append(match[0])
            continue
        given = {word.partition("=")[0] for word in words if word.startswith("--")}
        if given - options_of(ALL[path]):
            wrong.append(match[0])
    return wrong


def _is_command(words: list[str]) -> bool:
    """Whether it is written as a command of a group; `holdfast keys` alone names the group."""
    groups = {path[0] for path in ALL if len(path) > 1}
    return words[0] in groups and len(words) > 1 and re.fullmatch(r"[a-z-]+", words[1]) is not None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_in_documents_exist_with_their_options(page: Path) -> None:
    assert unknown_in(page.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "text",
    [
        "`holdfast sale opne gala`",
        "`holdfast sale close gala --yess`",
        "holdfast keys create a --rol x",
    ],
)
def test_unknown_command_or_option_is_found(text: str) -> None:
    assert unknown_in(text) != []


def test_every_command_of_the_client_is_documented_with_its_options() -> None:
    page = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `holdfast ([a-z ]+)` \| [^|]+ \|([^|\n]*)\|$", page, re.MULTILINE))
    mine = {" ".join(path): command for path, command in ALL.items() if path[0] in CLIENTS}
    assert rows.keys() == mine.keys()
    for name, command in mine.items():
        documented = set(re.findall(r"`(--[\w-]+)`", rows[name]))
        assert documented == {one for one in options_of(command) - COMMON if one[:2] == "--"}, name


def test_commands_of_the_client_share_their_options() -> None:
    for path, command in ALL.items():
        if path[0] in CLIENTS:
            assert options_of(command) >= COMMON, path
