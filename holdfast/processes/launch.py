"""Starts the service: everything that happens once, in the parent, before any worker exists.

The directory is locked first, so that a second service on it changes nothing; ports are bound next,
so that a taken port fails before a store starts; then come the store, the ledger's migrations and
the secrets. The workers get a configuration in which nothing is absent.
"""

import asyncio
import fcntl
import gc
import os
import resource
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

from holdfast import keyfiles
from holdfast.config import Config, LoadedConfig
from holdfast.data_files import LOCK_FILE, ledger_url_in
from holdfast.local_origins import local_origins, origin_files
from holdfast.processes.garbage_collector import collection_paused
from holdfast.processes.host_signals import HostSignals, StartStopped, host_signals
from holdfast.processes.launch_error import LaunchError
from holdfast.processes.listening_sockets import Sockets, open_sockets
from holdfast.processes.settings_reloader import SettingsReloader
from holdfast.processes.standard_streams import (
    STDOUT,
    open_standard_streams,
    set_log_format,
    write_line,
)
from holdfast.processes.store_supervisor import StoreSupervisor
from holdfast.processes.worker_process import WorkerPipes
from holdfast.processes.worker_supervisor import Hooks, WorkerPlan, WorkersFailed, WorkerSupervisor
from holdfast.worker_groups import ListenAddress, WorkerGroup
from holdfast_ledger import Ledger, LedgerError, LedgerUnavailable
from holdfast_ledger.errors import DAMAGED, explain
from holdfast_lua.client.connect import check_store, find_refusal, has_sales, raise_data_version
from holdfast_lua.embedded.store import EmbeddedStore
from holdfast_lua.errors import INCOMPATIBLE, NOT_PERMITTED, StoreError, StoreRefusing
from holdfast_metrics import multiprocess
from holdfast_metrics.shared_directory import shared_directory
from holdfast_web.roles.service_roles import ServiceRole

LOCK_WAIT_SECONDS: Final = 5.0
LOCK_POLL_SECONDS: Final = 0.05


def run_service(config: Config, reread: Callable[[], LoadedConfig]) -> None:
    """Starts everything, serves until a stop signal, stops everything. `reread` gives the settings
    of now when the host asks to take them over.
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
    set_log_format(config.log_format)
    raise_open_files()
    keyfiles.make_data_dir(config.data_dir)
    with ExitStack() as stack:
        stack.enter_context(_locked(config.data_dir))
        sockets = stack.enter_context(open_sockets(config))
        store = stack.enter_context(_embedded(config))
        multiprocess.prepare(stack.enter_context(shared_directory(config.data_dir)))
        url = store.url if store is not None else None
        ready = resolved(sockets.bound(config), url)
        asyncio.run(_check(ready))
        stack.enter_context(origin_files(config.data_dir, local_origins(ready.groups())))
        settings = SettingsReloader(
            config, reread, lambda taken: resolved(sockets.bound(taken), url)
        )
        _supervise(ready, settings, sockets, store, signals)


def resolved(config: Config, store_url: str | None) -> Config:
    """The configuration for the workers, with every default filled in and every secret made; the
    ports in `config` are those that were bound.
    """
    return replace(
        config,
        public_url=(config.public_url or f"http://{_room_address(config)}").rstrip("/"),
        store_url=config.store_url or store_url,
        ledger_url=config.ledger_url or ledger_url_in(config.data_dir),
        secret=keyfiles.master_secret(config),
        operator_key=keyfiles.operator_key(config),
    )


def raise_open_files() -> None:
    """Takes all the open files that the system allows: each visitor's connection is one, and the
    soft limit that a shell or a unit comes with is often 1024. Workers and store inherit it.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        # Some systems (macOS) name a hard limit that they do not grant.
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


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
    gc.freeze()  # a collection would write to each object, and memory pages be shared no more

    def plan_of(config: Config) -> WorkerPlan:
        groups = {group.name: group for group in config.groups()}

        def serve(name: str, pipes: WorkerPipes) -> None:
            multiprocess.join(pipes.slot)
            run_worker(config, groups[name], sockets, pipes)

        counts = {name: group.workers for name, group in groups.items()}
        return WorkerPlan(counts, serve, config.shutdown_seconds, config.stop_delay_seconds)

    def reread() -> WorkerPlan | None:
        taken = settings.reread()
        return None if taken is None else plan_of(taken)

    announce = partial(_announce, config, store)
    hooks = Hooks(announce, multiprocess.forget_worker, reread, sockets.end_intake)
    supervisor = None if store is None else StoreSupervisor(store)
    try:
        WorkerSupervisor(plan_of(config), signals, hooks, supervisor).run()
    except WorkersFailed as error:
        raise LaunchError(str(error)) from error


@contextmanager
def _locked(data_dir: Path) -> Iterator[None]:
    """One service per data directory; the lock goes with the process, however it ends.

    The workers of a killed service keep it until the last has ended. They get LOCK_WAIT_SECONDS for
    it; a service that runs is told at once.
    """
    handle = os.open(data_dir / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    deadline = time.monotonic() + LOCK_WAIT_SECONDS
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            owner = os.pread(handle, 32, 0).decode(errors="replace").strip()
            if _runs(owner) or time.monotonic() >= deadline:
                os.close(handle)
                raise LaunchError(
                    f"another service (process {owner or 'unknown'}) runs on {data_dir}; "
                    "stop it, or give this one its own --data-dir"
                ) from None
            time.sleep(LOCK_POLL_SECONDS)
    os.ftruncate(handle, 0)
    os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
    try:
        yield
    finally:
        os.close(handle)


def _runs(owner: str) -> bool:
    """Whether there is a process of this number, which is what the lock's file says."""
    try:
        os.kill(int(owner), 0)
    except PermissionError:  # another user's
        return True
    except (ValueError, ProcessLookupError):
        return False
    return True


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
    """Checks that the store is durable, that the ledger has this version's schema, and that this
    release works with the data of both.
    """
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
    if refusal is None:
        try:
            await raise_data_version(config.store_url)
        except StoreError as error:
            raise LaunchError(str(error)) from error


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
    incompatible = isinstance(error, LedgerUnavailable) and error.reason == INCOMPATIBLE
    return f"the ledger cannot be used{' (incompatible)' * incompatible}: {explain(error)}"


def _report_refusal(refusal: StoreRefusing) -> None:
    """Prints why the store takes no writes; LaunchError when waiting would not change that."""
    if refusal.reason == INCOMPATIBLE:
        raise LaunchError(f"the store cannot be used (incompatible): {refusal}")
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
        *(f"  listening     {_described(group)}" for group in config.groups()),
        f"  store         {'embedded' if store else 'external'}",
        f"  data          {config.data_dir.absolute()}",
    ]
    if (address := _metrics_address(config)) is not None:
        lines.append(f"  metrics       http://{address}/metrics")
    if keyfiles.operator_key_path(config).exists():
        lines.append(f"  operator key  in {keyfiles.operator_key_path(config).absolute()}")
    lines.append("Stop it with Ctrl-C.")
    write_line("\n".join(lines), STDOUT)


def _described(group: WorkerGroup) -> str:
    workers = "1 worker" if group.workers == 1 else f"{group.workers} workers"
    return f"{group.address}, {workers}: {', '.join(group.roles)}"


def _room_address(config: Config) -> ListenAddress:
    """Where visitors come in; the main listener for a node that they do not reach."""
    main = ListenAddress(config.host, config.port)
    return _address_of(config, ServiceRole.ROOM) or main


def _metrics_address(config: Config) -> ListenAddress | None:
    """Where a program on this machine reads /metrics; None where only a unix socket has them."""
    if config.admin_port:
        return ListenAddress(config.host, config.admin_port)
    return _address_of(config, ServiceRole.OPERATOR)


def _address_of(config: Config, role: ServiceRole) -> ListenAddress | None:
    """Host and port at which this node serves a role, None when it does not."""
    addresses = (group.address for group in config.groups() if role in group.roles)
    return next((address for address in addresses if not address.path), None)
