"""`holdfast keys`: manages the API keys of the ledger, which stores only their hashes."""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import click

from holdfast import keyfiles
from holdfast.cli.options import config_option, data_dir_option, read_config
from holdfast.config import Config
from holdfast.data_files import ledger_url_in
from holdfast.sales.directory import SALE_NAME
from holdfast_connector.contract import HS256
from holdfast_ledger import Actor, KeyRecord, Ledger, LedgerError
from holdfast_ledger.errors import explain
from holdfast_queue.tokens.signer import shared_jwk
from holdfast_web.channels import CHANNEL_PATTERN
from holdfast_web.credentials import Role
from holdfast_web.errors import HoldfastError
from holdfast_web.keyring import Keyring, Purpose
from holdfast_web.request.text import clean_text
from holdfast_web.timestamps import moment_of, timestamp

T = TypeVar("T")

CHANNELS_MAX = 20
SALES_MAX = 30
COMMAND_LINE = Actor("command-line")
"""Whoever may write to the ledger's database."""
NAME_CHARS_MAX = 100
ROLES = [role.name.lower() for role in Role]


def _name(_: click.Context, __: click.Parameter, name: str) -> str:
    try:
        clean = clean_text(name, "NAME")
    except HoldfastError as error:
        raise click.BadParameter(error.detail) from error
    if not 1 <= len(clean) <= NAME_CHARS_MAX:
        raise click.BadParameter(f"1 to {NAME_CHARS_MAX} characters")
    return clean


def _names_like(pattern: str, what: str, most: int) -> Callable[..., tuple[str, ...]]:
    """The callback of an option that takes up to `most` names."""

    def checked(_: click.Context, __: click.Parameter, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if re.fullmatch(pattern, name) is None:
                raise click.BadParameter(f"{name!r} is no {what} of a-z, 0-9 and -")
        if len(names) > most:
            raise click.BadParameter(f"at most {most}")
        return tuple(sorted(set(names)))

    return checked


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group()
def keys() -> None:
    """Create, list and revoke API keys.

    \b
    Roles, each may do what those before it may:
      viewer     read sales, status and metrics
      platform   a shop's server: hold for a buyer, pay, confirm, refund, read orders and events
      operator   create, change, open, pause and close sales

    A running service takes a new key at once and drops a revoked one within seconds. The
    operator key of the data directory (operator.key) is not listed here.
    """


@keys.command()
@click.argument("name", callback=_name)
@click.option("--role", type=click.Choice(ROLES), default="platform", show_default=True)
@click.option(
    "--channel",
    "channels",
    multiple=True,
    callback=_names_like(CHANNEL_PATTERN, "channel: 1 to 32", CHANNELS_MAX),
    help="A channel whose allotments the key may sell from; may be given several times.",
)
@click.option(
    "--sale",
    "sales",
    multiple=True,
    callback=_names_like(SALE_NAME.pattern, "sale's name: 1 to 63", SALES_MAX),
    help="A sale that the key is for, by its name; may be given several times. Absent: all sales.",
)
@json_option
@data_dir_option
@config_option
def create(
    name: str,
    role: str,
    channels: tuple[str, ...],
    *,
    sales: tuple[str, ...],
    data_dir: Path | None,
    config_path: Path | None,
    as_json: bool,
) -> None:
    """Make a key called NAME and print its secret, this once.

    \b
    Example:
      holdfast keys create web-shop --role platform
      holdfast keys create fan-shop --role platform --channel fanclub
      holdfast keys create promoter --role viewer --sale arena --sale open-air
    """

    def work(ledger: Ledger) -> Awaitable[tuple[KeyRecord, str]]:
        return ledger.keys.create(
            name, int(Role[role.upper()]), channels, sales=sales, actor=COMMAND_LINE
        )

    record, secret = _with_ledger(config_path, data_dir, work)
    if as_json:
        click.echo(json.dumps({**_members(record), "secret": secret}))
        return
    click.echo(f"{record.id}  {role}  {record.name}", err=True)
    click.echo(secret)


@keys.command("list")
@json_option
@data_dir_option
@config_option
def list_keys(data_dir: Path | None, config_path: Path | None, *, as_json: bool) -> None:
    """List all keys, revoked ones too; secrets cannot be shown again."""
    records = _with_ledger(config_path, data_dir, lambda ledger: ledger.keys.all())
    if as_json:
        click.echo(json.dumps([_members(record) for record in records], indent=2))
        return
    for record in records:
        made = moment_of(record.created_ms).strftime("%Y-%m-%d %H:%M")
        state = "revoked" if record.revoked_ms else "live"
        role = Role(record.role).name.lower()
        limit = f"  ({', '.join(record.sales)} only)" if record.sales else ""
        click.echo(f"{record.id}  {role:<8}  {state:<7}  {made}  {record.name}{limit}")


@keys.command()
@click.argument("key_id")
@data_dir_option
@config_option
def revoke(key_id: str, data_dir: Path | None, config_path: Path | None) -> None:
    """End the key with the id KEY_ID for good."""
    if not _with_ledger(
        config_path, data_dir, lambda ledger: ledger.keys.revoke(key_id, COMMAND_LINE)
    ):
        raise click.ClickException(f"no live key has the id {key_id}; see `holdfast keys list`")
    click.echo(f"{key_id} is revoked")


@keys.command()
@data_dir_option
@config_option
def shared(data_dir: Path | None, config_path: Path | None) -> None:
    """Print what a storefront verifies HS256 passes with, as a JSON Web Key Set.

    Only for services with pass_algorithm = HS256, for shops that cannot verify Ed25519. Whoever has
    these keys can also sign passes: hand them over like a password. With the default, EdDSA, a shop
    needs no secret at all.
    """
    config = read_config(config_path, {"data_dir": data_dir})
    if config.pass_algorithm != HS256:
        raise click.ClickException("passes are signed with EdDSA: shops fetch the public keys")
    keyfiles.make_data_dir(config.data_dir)
    ring = Keyring(keyfiles.master_secret(config), config.secret_previous)
    derived = (key for purpose in (Purpose.PASS, Purpose.HANDOFF) for key in ring.keys(purpose))
    click.echo(json.dumps({"keys": [shared_jwk(key) for key in derived]}))


def _members(record: KeyRecord) -> dict[str, object]:
    """A key as --json shows it; `channels` and `sales` are empty where there is no limit."""
    return {
        "id": record.id,
        "name": record.name,
        "role": Role(record.role).name.lower(),
        "channels": list(record.channels),
        "sales": list(record.sales),
        "created_at": timestamp(record.created_ms),
        "revoked_at": timestamp(record.revoked_ms) if record.revoked_ms else None,
    }


def _with_ledger(
    config_path: Path | None, data_dir: Path | None, work: Callable[[Ledger], Awaitable[T]]
) -> T:
    config = read_config(config_path, {"data_dir": data_dir})
    try:
        return asyncio.run(_run(config, work))
    except (LedgerError, ValueError) as error:
        raise click.ClickException(f"the ledger cannot be used: {explain(error)}") from error


async def _run(config: Config, work: Callable[[Ledger], Awaitable[T]]) -> T:
    keyfiles.make_data_dir(config.data_dir)
    ledger = await Ledger.open(config.ledger_url or ledger_url_in(config.data_dir))
    try:
        await ledger.migrate()
        return await work(ledger)
    finally:
        await ledger.close()
