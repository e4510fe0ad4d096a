"""Checks this host: files with secrets, the public URL, proxies, the limit of open files."""

import os
import resource
import stat
import sys
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from holdfast.api_client import is_loopback
from holdfast.config import Config
from holdfast.data_files import LOCK_FILE
from holdfast.doctor.findings import Finding, FindingBuilder
from holdfast.keyfiles import MASTER_FILE, operator_key_path
from holdfast_web.roles.service_roles import ALL_ROLES, CROWDED_ROLES, ServiceRole

FILES_WARNING = 8_192
FILES_PROBLEM = 1_024

_AREA = FindingBuilder("host")


def examine_host(config: Config) -> list[Finding]:
    """The findings about this host."""
    return [
        _directory(config.data_dir),
        _secret(config),
        _operator_key(config),
        judge_public_url(config.host, config.public_url),
        judge_proxies(config),
        judge_shop(config),
        judge_roles(config),
        _open_files(config.data_dir),
    ]


def judge_proxies(config: Config) -> Finding:
    """Whether client addresses are known where a proxy terminates TLS or uses a unix socket."""
    crowded = [group for group in config.groups() if CROWDED_ROLES & set(group.roles)]
    if any(group.address.path for group in crowded) and "unix" not in config.trusted_proxies:
        found = ", ".join(config.trusted_proxies) or "none"
        means = "to the limit of joins by address all visitors of the unix socket are one"
        return _AREA.warning("proxies", found, means, "add `unix` to trusted_proxies")
    if config.trusted_proxies:
        return _AREA.ok("proxies", ", ".join(config.trusted_proxies))
    if not (config.public_url or "").startswith("https:"):
        return _AREA.ok("proxies", "none, and no proxy is known of")
    means = "to the limit of joins by address all visitors are the proxy that ends TLS"
    return _AREA.warning("proxies", "none", means, "set it to the network of the proxy")


def judge_shop(config: Config) -> Finding:
    """Whether payments are served apart from the crowd."""
    shop = next((group for group in config.groups() if ServiceRole.SHOP in group.roles), None)
    if shop is None:
        return _AREA.ok("shop", "served by other nodes")
    crowd = " and ".join(role for role in shop.roles if role in CROWDED_ROLES)
    if not crowd:
        return _AREA.ok("shop", f"{shop.address}, by {shop.workers} workers of its own")
    found = f"{shop.address}, shared with {crowd}"
    if config.public_url is None and is_loopback(shop.address.host):
        return _AREA.ok("shop", found, "right while only this machine visits")
    means = "in a rush the confirm of a buyer who has paid waits behind the crowd's requests"
    change = "set HOLDFAST_LISTEN_SHOP to an address for the shop's server alone"
    return _AREA.warning("shop", found, means, change)


def judge_roles(config: Config) -> Finding:
    """Whether the nodes that serve the other roles can serve the same sales."""
    served = {role for group in config.groups() for role in group.roles}
    found = ", ".join(role for role in ALL_ROLES if role in served)
    own = [name for name in ("store_url", "ledger_url") if getattr(config, name) is None]
    if len(served) == len(ALL_ROLES) or not own:
        return _AREA.ok("roles", found)
    means = "the nodes with the other roles have no part in this one's sales"
    return _AREA.problem("roles", found, means, f"set {' and '.join(own)} to what they share")


def _directory(path: Path) -> Finding:
    if not path.exists():
        return _AREA.ok("data_dir", f"{path} does not exist yet", "made at the first start")
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        means = "others on this machine can look for what is readable in it"
        return _AREA.warning("data_dir", f"{path}, mode {mode:04o}", means, f"chmod 700 {path}")
    return _AREA.ok("data_dir", f"{path}, mode {mode:04o}")


def _secret(config: Config) -> Finding:
    if config.secret:
        return _AREA.ok("secret", "from the configuration")
    if config.store_url:  # a store that several nodes can share
        means = "a second node would make another one and refuse this one's tickets and passes"
        change = "set HOLDFAST_SECRET to the same value on every node"
        private = _private("secret", config.data_dir / MASTER_FILE)
        return private if private.change else _AREA.warning("secret", private.found, means, change)
    return _private("secret", config.data_dir / MASTER_FILE)


def _operator_key(config: Config) -> Finding:
    if config.operator_key:
        return _AREA.ok("operator_key", "from the configuration")
    return _private("operator_key", operator_key_path(config))


def _private(check: str, path: Path) -> Finding:
    """Whether only its owner may read the file, and runs this command."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return _AREA.ok(check, f"{path} does not exist yet", "made at the first start")
    except OSError as error:
        means, change = "the service cannot read it either", f"run this as the owner of {path}"
        return _AREA.problem(check, f"{path}: {error.strerror}", means, change)
    shown = f"{path}, mode {stat.S_IMODE(found.st_mode):04o}"
    if found.st_mode & 0o077:
        means = "whoever reads it can act as the operator, and the service refuses to start"
        change = f"chmod 600 {path}, and replace it if others use this machine"
        return _AREA.problem(check, shown, means, change)
    if found.st_uid != os.geteuid():
        means = "it belongs to another user than the one who runs this"
        return _AREA.warning(check, shown, means, "run this as the user of the service")
    return _AREA.ok(check, shown)


def judge_public_url(host: str, public_url: str | None) -> Finding:
    """Whether visitors can use the origin to which they are sent."""
    if public_url is None:
        if is_loopback(host):
            return _AREA.ok("public_url", "not set", "right while only this machine visits")
        means = f"visitors are sent to http://{host}, which is no address they could use"
        change = "set HOLDFAST_PUBLIC_URL to the origin that visitors see"
        return _AREA.problem("public_url", "not set", means, change)
    parts = urlsplit(public_url)
    if parts.scheme != "https" and not is_loopback(parts.hostname or ""):
        means = "tickets, passes and keys travel in the clear"
        change = "end TLS in front of the service and set an https:// origin"
        return _AREA.warning("public_url", public_url, means, change)
    return _AREA.ok("public_url", public_url)


def _open_files(data_dir: Path) -> Finding:
    pid = running_service(data_dir)
    if pid is not None and sys.platform == "linux":
        with suppress(OSError):
            limit, _ = resource.prlimit(pid, resource.RLIMIT_NOFILE)
            return judge_open_files(limit, "of the running service")
    # The service takes all that it may have.
    return judge_open_files(resource.getrlimit(resource.RLIMIT_NOFILE)[1], "of this shell")


def judge_open_files(limit: int, whose: str) -> Finding:
    """Whether a worker may have enough open files: each visitor's connection is one."""
    if limit == resource.RLIM_INFINITY:
        return _AREA.ok("open_files", f"unlimited ({whose})")
    shown, change = f"{limit} ({whose})", "ulimit -Hn 65536, or LimitNOFILE=65536 in the unit"
    means = f"a worker can have about {limit} visitors connected, and then accepts nobody"
    if limit < FILES_PROBLEM:
        return _AREA.problem("open_files", shown, means, change)
    if limit < FILES_WARNING:
        return _AREA.warning("open_files", shown, means, change)
    return _AREA.ok("open_files", shown)


def running_service(data_dir: Path) -> int | None:
    """The process id of the service on the data directory, if /proc shows it. Its lock is not
    tried, since a service could not start in that moment.
    """
    try:
        text = (data_dir / LOCK_FILE).read_text().strip()
        command = Path(f"/proc/{int(text)}/cmdline").read_bytes()
    except (OSError, ValueError):
        return None
    return int(text) if b"holdfast" in command else None
