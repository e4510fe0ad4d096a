"""Starts the service: everything that happens once, in the parent, before any worker exists.

The order matters. The directory is locked first, so that a second service on it changes nothing;
ports are bound next, so that a taken port fails before a store starts; then the store, the
ledger's migrations and the secrets. The workers get a configuration in which nothing is absent.
"""

import asyncio
import fcntl
import os
import resource
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from holdfast import keyfiles
from holdfast.config import Config, LoadedConfig
from holdfast.processes.garbage_collector import collection_paused, freeze_objects
from holdfast.processes.host_signals import HostSignals, StartStopped, host_signals
from holdfast.processes.settings_reloader import SettingsReloader
from holdfast.processes.standard_streams import STDOUT, open_standard_streams, write_line
from holdfast.processes.store_supervisor import StoreSupervisor
from holdfast.processes.worker_process import Sockets, WorkerPipes
from holdfast.processes.worker_supervisor import Hooks, WorkerPlan, WorkersFailed, WorkerSupervisor
from holdfast_ledger import Ledger, LedgerError, LedgerUnavailable
from holdfast_ledger.errors import DAMAGED, explain
from holdfast_lua.client.connect import check_store, find_refusal, has_sales
from holdfast_lua.embedded.store import EmbeddedStore
from holdfast_lua.errors import NOT_PERMITTED, StoreError, StoreRefusing
from holdfast_metrics import multiprocess
from holdfast_metrics.shared_directory import shared_directory

LOCK_FILE = "service.lock"
LEDGER_FILE = "ledger.sqlite3"


class LaunchError(Exception):
    """The service cannot start; the message says what to change."""


def run_service(config: Config, reread: Callable[[], LoadedConfig]) -> None:
    """Start everything, serve until a stop signal, stop everything.

    `reread` gives the settings of now when the host asks to take them over.
    """
    open_standard_streams()
    with host_signals() as signals, suppress(StartStopped):
        try:
            _run(config, reread, signals)
        except OSError as error:
            raise LaunchError(f"the service cannot run: {error}") from error


def _run(config: Config, reread: Callable[[], LoadedConfig], signals: HostSignals) -> None:
    # Files that are created below are readable by this user only.
    os.umask(0o077)
    raise_open_files()
    keyfiles.make_data_dir(config.data_dir)
    with ExitStack() as stack:
        stack.enter_context(_locked(config.data_dir))
        sockets = stack.enter_context(_bound(config))
        store = stack.enter_context(_embedded(config))
        multiprocess.prepare(stack.enter_context(shared_directory(config.data_dir)))
        port = sockets.main.getsockname()[1]
        url = store.url if store is not None else None
        ready = resolved(config, port, url)
        asyncio.run(_check(ready))
        settings = SettingsReloader(config, reread, lambda taken: resolved(taken, port, url))
        _supervise(ready, settings, sockets, store, signals)


def resolved(config: Config, port: int, store_url: str | None) -> Config:
    """The configuration for the workers, with every default filled in and every secret made."""
    return replace(
        config,
        port=port,
        public_url=(config.public_url or _local_url(config.host, port)).rstrip("/"),
        store_url=config.store_url or store_url,
        ledger_url=config.ledger_url or ledger_url_in(config.data_dir),
        secret=keyfiles.master_secret(config),
        operator_key=keyfiles.operator_key(config),
    )


def raise_open_files() -> None:
    """Take all the open files that the system allows: each visitor's connection is one, and the
    soft limit that a shell or a unit comes with is often 1024. Workers and store inherit it.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        # Some systems (macOS) name a hard limit that they do not grant.
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def ledger_url_in(data_dir: Path) -> str:
    """The SQLite ledger of a data directory."""
    return f"sqlite:///{(data_dir / LEDGER_FILE).absolute()}"


def _supervise(
    config: Config,
    settings: SettingsReloader,
    sockets: Sockets,
    store: EmbeddedStore | None,
    signals: HostSignals,
) -> None:
    # Only the workers need the application, but a fork of an imported one starts at once.
    with collection_paused():
        from holdfast.processes.serving import run_worker
    freeze_objects()

    def plan_of(config: Config) -> WorkerPlan:
        def serve(pipes: WorkerPipes) -> None:
            multiprocess.join(pipes.slot)
            run_worker(config, sockets, pipes)

        return WorkerPlan(config.workers, serve, config.shutdown_seconds)

    def reread() -> WorkerPlan | None:
        taken = settings.reread()
        return None if taken is None else plan_of(taken)

    hooks = Hooks(lambda: _announce(config, store), multiprocess.forget_worker, reread)
    supervisor = None if store is None else StoreSupervisor(store)
    try:
        WorkerSupervisor(plan_of(config), signals, hooks, supervisor).run()
    except WorkersFailed as error:
        raise LaunchError(str(error)) from error


@contextmanager
def _locked(data_dir: Path) -> Iterator[None]:
    """One service per data directory; the lock goes with the process, however it ends."""
    handle = os.open(data_dir / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        owner = os.pread(handle, 32, 0).decode().strip() or "unknown"
        os.close(handle)
        raise LaunchError(
            f"another service (process {owner}) runs on {data_dir}; "
            "stop it, or give this one its own --data-dir"
        ) from None
    os.ftruncate(handle, 0)
    os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
    try:
        yield
    finally:
        os.close(handle)


@contextmanager
def _bound(config: Config) -> Iterator[Sockets]:
    with ExitStack() as stack:
        main = stack.enter_context(_listen(config.host, config.port))
        admin = None
        if config.admin_port:
            admin = stack.enter_context(_listen(config.host, config.admin_port))
        yield Sockets(main, admin)


def _listen(host: str, port: int) -> socket.socket:
    """A bound socket; the workers' event loops make it listen."""
    try:
        info = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        sock = socket.socket(info[0], socket.SOCK_STREAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(info[4])
        sock.setblocking(False)
    except OSError as error:
        raise LaunchError(f"cannot listen on {host}:{port}: {error.strerror or error}") from error
    return sock


@contextmanager
def _embedded(config: Config) -> Iterator[EmbeddedStore | None]:
    """The service's own store, unless one is configured."""
    if config.store_url:
        yield None
        return
    store = EmbeddedStore(config.data_dir)
    try:
        store.start()
    except StoreError as error:
        raise LaunchError(str(error)) from error
    try:
        yield store
    finally:
        store.stop()


async def _check(config: Config) -> None:
    """Checks that the store is durable and that the ledger has this version's schema."""
    assert config.store_url is not None
    assert config.ledger_url is not None
    try:
        await check_store(config.store_url)
        refusal = await find_refusal(config.store_url)
    except StoreError as error:
        raise LaunchError(str(error)) from error
    if refusal is not None:
        _report_refusal(refusal)
    await _check_ledger(config.ledger_url, config.store_url)


async def _check_ledger(url: str, store_url: str) -> None:
    """Opens the ledger and brings its schema up to date; a new one must come to a new store."""
    try:
        ledger = await Ledger.open(url)
    except ValueError as error:
        raise LaunchError(f"setting ledger_url: {error}") from error
    except LedgerError as error:
        raise LaunchError(_why_not(error)) from error
    try:
        await ledger.migrate()
        if not await ledger.sales.any() and await has_sales(store_url):
            raise LaunchError(
                "the ledger is new, but the store carries sales: with it they would be nobody's. "
                "Is ledger_url (or data_dir) the right one? To begin anew, empty the store as well"
            )
    except (LedgerError, StoreError) as error:
        raise LaunchError(_why_not(error)) from error
    finally:
        await ledger.close()


def _why_not(error: Exception) -> str:
    if isinstance(error, LedgerUnavailable) and error.reason == DAMAGED:
        return (
            f"the ledger is damaged, or no ledger ({explain(error)}): put it aside and restore "
            "a backup, see docs/operations.md"
        )
    return f"the ledger cannot be used: {explain(error)}"


def _report_refusal(refusal: StoreRefusing) -> None:
    """Prints why the store takes no writes; LaunchError when its user lacks the rights."""
    if refusal.reason == NOT_PERMITTED:
        raise LaunchError(
            f"the store cannot be used: {refusal}; docs/operations.md lists the rights it needs"
        )
    write_line(
        f"the store takes no writes ({refusal}): until it does, whatever needs one is answered 503"
    )


def _announce(config: Config, store: EmbeddedStore | None) -> None:
    lines = [
        f"Holdfast is ready at {config.public_url}",
        f"  listening     {_address(config.host, config.port)}",
        f"  workers       {config.workers}",
        f"  store         {'embedded' if store else 'external'}",
        f"  data          {config.data_dir.absolute()}",
    ]
    if config.admin_port:
        lines.append(f"  metrics       {_local_url(config.host, config.admin_port)}/metrics")
    else:
        lines.append(f"  metrics       {_local_url(config.host, config.port)}/metrics")
    if keyfiles.operator_key_path(config).exists():
        lines.append(f"  operator key  in {keyfiles.operator_key_path(config).absolute()}")
    lines.append("Stop it with Ctrl-C.")
    write_line("\n".join(lines), STDOUT)


def _local_url(host: str, port: int) -> str:
    return f"http://{_address(host, port)}"


def _address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
