"""Real servers for tests: each on a free port of 127.0.0.1, in a directory of its own, gone at the
end.

A machine without them skips those tests and says why; with HOLDFAST_REQUIRE_SERVICES=1 (as CI sets
it) a missing server is a failure, so that no test is ever skipped unnoticed. A server dies with the
test process even when that is killed: `setpriv --pdeathsig` asks the kernel for it.

`postgres_url` and `mariadb_url` are URLs of a database that no other test has seen.
"""

import itertools
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
from support.ports import free_port

MEMORY: Final = Path("/dev/shm")  # noqa: S108 - what is made there has a name of its own
ROOMY: Final = 2 * 1024**3
"""bytes that must be free there"""
START_SECONDS: Final = 60.0
STOP_SECONDS: Final = 30.0
REQUIRED: Final = os.environ.get("HOLDFAST_REQUIRE_SERVICES") == "1"

_databases = itertools.count(1)


def program(name: str, package: str) -> str:
    """The path of `name`; else the test is skipped, or fails where services are required."""
    places = [*os.environ.get("PATH", "").split(":"), "/usr/sbin", "/usr/local/sbin"]
    places += sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin")), reverse=True)
    path = shutil.which(name, path=":".join(places))
    if path is not None:
        return path
    reason = f"{name} is not installed (Debian package {package})"
    if REQUIRED:
        pytest.fail(reason)
    pytest.skip(reason)


@dataclass(frozen=True)
class Server:
    """A running server: where it listens, where its files are, and its process."""

    port: int
    directory: Path
    process: subprocess.Popen[bytes]

    def log(self) -> str:
        return (self.directory / "server.log").read_text(errors="replace")[-4000:]


def _memory() -> Path | None:
    """Where files are in memory, if there is room for those of servers."""
    try:
        roomy = shutil.disk_usage(MEMORY).free >= ROOMY
    except OSError:
        return None
    return MEMORY if roomy and os.access(MEMORY, os.W_OK | os.X_OK) else None


@contextmanager
def directory_for(user: str | None, *, in_memory: bool = False) -> Iterator[Path]:
    """A directory that `user` owns; not pytest's own, which only we may enter.

    It is in memory if that will do and there is room; programs cannot be run there everywhere.
    """
    place = _memory() if in_memory else None
    directory = Path(tempfile.mkdtemp(prefix="holdfast-test-", dir=place))
    if user is not None:
        shutil.chown(directory, user)
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def server_user(name: str) -> str | None:
    """The user to run a server as: database servers refuse to be root; nobody else can switch."""
    if os.getuid() != 0:
        return None
    try:
        return pwd.getpwnam(name).pw_name
    except KeyError:
        return "nobody"


def as_user(user: str | None, command: list[str]) -> list[str]:
    """`command`, run as `user` and told to stop when we die."""
    prefix = [program("setpriv", "util-linux"), "--pdeathsig", "INT"]
    if user is not None:
        prefix += ["--reuid", user, "--regid", user, "--init-groups"]
    return [*prefix, *command]


def run(command: list[str], *, stdin: str | None = None) -> str:
    """Run `command` to its end and give what it prints; that is in the error when it fails."""
    done = subprocess.run(
        command,
        input=stdin,
        stdin=subprocess.DEVNULL if stdin is None else None,
        capture_output=True,
        text=True,
        timeout=START_SECONDS,
        check=False,
        cwd="/",
    )
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]} failed: {done.stdout}{done.stderr}")
    return done.stdout


@contextmanager
def serving(
    command: list[str],
    *,
    port: int,
    directory: Path,
    stop_signal: signal.Signals = signal.SIGTERM,
    environment: dict[str, str] | None = None,
) -> Iterator[Server]:
    """`command` as a server, from the moment it accepts connections on `port`."""
    with (directory / "server.log").open("wb") as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(environment or {})},
            cwd="/",
        )
    server = Server(port, directory, process)
    try:
        _await_port(server)
        yield server
    finally:
        _stop(process, stop_signal)


def _await_port(server: Server) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if server.process.poll() is not None:
            raise RuntimeError(f"the server ended at its start:\n{server.log()}")
        try:
            socket.create_connection(("127.0.0.1", server.port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"nothing listens on port {server.port}:\n{server.log()}")


def _stop(process: subprocess.Popen[bytes], stop_signal: signal.Signals) -> None:
    process.send_signal(stop_signal)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


# -- PostgreSQL --------------------------------------------------------------------------------


@contextmanager
def postgresql(*, durable: bool = False, settings: Sequence[str] = ()) -> Iterator[Server]:
    """PostgreSQL with a superuser `holdfast` who needs no password, and no unix socket."""
    initdb = program("initdb", "postgresql")
    postgres = program("postgres", "postgresql")
    user = server_user("postgres")
    with directory_for(user, in_memory=not durable) as directory:
        data, port = directory / "data", free_port()
        options = ["--username=holdfast", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8"]
        run(as_user(user, [initdb, "-D", str(data), "--no-sync", *options]))
        settings = ["listen_addresses=127.0.0.1", "unix_socket_directories=", *settings]
        if not durable:  # a test never pulls the plug of the machine: fsync would prove nothing
            settings.append("fsync=off")
        command = [postgres, "-D", str(data), "-p", str(port)]
        command += [part for setting in settings for part in ("-c", setting)]
        # Its files are deleted: without fsync it need not write what it has.
        stop_signal = signal.SIGINT if durable else signal.SIGQUIT
        with serving(
            as_user(user, command), port=port, directory=directory, stop_signal=stop_signal
        ) as server:
            until_postgres_answers(server)
            yield server


def create_postgres_database(server: Server, *, template: str = "template1") -> str:
    """The SQLAlchemy URL of a new database: an empty one, or a copy of `template`."""
    name = f"test_{next(_databases)}"
    run([*_psql(server), "-c", f"CREATE DATABASE {name} TEMPLATE {template}"])
    return f"postgresql+asyncpg://holdfast@127.0.0.1:{server.port}/{name}"


def until_postgres_answers(server: Server) -> None:
    """Recovery comes before the first connection, and the port is open before either."""
    _until_answers([*_psql(server), "-c", "SELECT 1"])


def run_postgres(server: Server, statement: str) -> str:
    """One statement, as the superuser; its result without a heading."""
    return run([*_psql(server), "--tuples-only", "-c", statement]).strip()


def _psql(server: Server) -> list[str]:
    psql = program("psql", "postgresql-client")
    target = ["-h", "127.0.0.1", "-p", str(server.port), "-U", "holdfast", "postgres"]
    return [psql, "-X", "-q", "-v", "ON_ERROR_STOP=1", *target]


def _until_answers(command: list[str]) -> None:
    """A port is open before the server behind it answers."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            run(command)
        except RuntimeError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return


@contextmanager
def pgbouncer(server: Server, *, sessions: int, ignored: str = "") -> Iterator[Server]:
    """PgBouncer before `server`, in transaction mode, with so many sessions for each database.

    Startup parameters that are `ignored` it drops; others it refuses.
    """
    binary = program("pgbouncer", "pgbouncer")
    user, port = server_user("postgres"), free_port()
    with directory_for(user) as directory:
        config = directory / "pgbouncer.ini"
        config.write_text(
            f"[databases]\n* = host=127.0.0.1 port={server.port} user=holdfast\n"
            f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
            "auth_type = any\npool_mode = transaction\nmax_client_conn = 200\n"
            f"default_pool_size = {sessions}\nignore_startup_parameters = {ignored}\n"
        )
        config.chmod(0o644)
        command = as_user(user, [binary, str(config)])
        with serving(command, port=port, directory=directory, stop_signal=signal.SIGINT) as running:
            yield running


# -- MariaDB -----------------------------------------------------------------------------------


@contextmanager
def mariadb(*, in_memory: bool = True, options: Sequence[str] = ()) -> Iterator[Server]:
    """MariaDB with a user `holdfast` (password `holdfast`) who may do everything."""
    install = program("mariadb-install-db", "mariadb-server")
    mariadbd = program("mariadbd", "mariadb-server")
    user = server_user("mysql")
    with directory_for(user, in_memory=in_memory) as directory:
        data, port = directory / "data", free_port()
        # A server that starts clears its tmpdir of what others left there; others may still use it.
        files = ["--no-defaults", f"--datadir={data}", f"--tmpdir={directory}"]
        run(as_user(user, [install, *files, "--skip-test-db"]))
        welcome = directory / "welcome.sql"
        welcome.write_text(
            "CREATE USER holdfast@'%' IDENTIFIED BY 'holdfast';\n"
            "GRANT ALL ON *.* TO holdfast@'%' WITH GRANT OPTION;\n"
        )
        options = [
            *options,
            f"--port={port}",
            "--bind-address=127.0.0.1",
            f"--socket={directory / 'mariadb.sock'}",
            f"--init-file={welcome}",
            # By name we would be "localhost", where MariaDB's anonymous user comes before ours.
            "--skip-name-resolve",
            # See PostgreSQL's fsync above.
            "--innodb-flush-log-at-trx-commit=0",
            "--skip-log-bin",
        ]
        with serving(
            as_user(user, [mariadbd, *files, *options]),
            port=port,
            directory=directory,
            stop_signal=signal.SIGKILL,  # its files are deleted, so it need not write what it has
        ) as server:
            _until_answers([*_mariadb_client(server), "-e", "SELECT 1"])
            yield server


def create_mariadb_database(server: Server, *, script: str = "") -> str:
    """The SQLAlchemy URL of a new database: an empty one, or what `script` makes of it."""
    name = f"test_{next(_databases)}"
    made = f"CREATE DATABASE {name} CHARACTER SET utf8mb4; USE {name};"
    any_order = "SET foreign_key_checks = 0;"  # tables may come before those that they refer to
    run(_mariadb_client(server), stdin=f"{made}\n{any_order}\n{script}")
    return f"mysql+aiomysql://holdfast:holdfast@127.0.0.1:{server.port}/{name}?charset=utf8mb4"


def dump_mariadb_database(server: Server, url: str) -> str:
    """The SQL that makes such a database of an empty one."""
    name = url.rpartition("/")[2].partition("?")[0]
    return run([*_mariadb_client(server, "mariadb-dump"), "--compact", name])


def _mariadb_client(server: Server, name: str = "mariadb") -> list[str]:
    client = program(name, "mariadb-client")
    target = ["-h", "127.0.0.1", "-P", str(server.port), "-uholdfast", "-pholdfast"]
    return [client, "--no-defaults", "--protocol=tcp", *target]


# -- fixtures ----------------------------------------------------------------------------------


@pytest.fixture
def ledger_path() -> Iterator[Path]:
    """Where a SQLite ledger of the test's own may be: in memory, as SQLite writes through to what
    is beneath it at each commit.
    """
    with directory_for(None, in_memory=True) as directory:
        yield directory / "ledger.db"


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Server]:
    with postgresql() as server:
        yield server


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[Server]:
    with mariadb() as server:
        yield server


@pytest.fixture
def postgres_database(postgres_server: Server) -> Callable[[], str]:
    """Makes a new database and answers its URL, at each call."""
    return lambda: create_postgres_database(postgres_server)


@pytest.fixture
def mariadb_database(mariadb_server: Server) -> Callable[[], str]:
    """Makes a new database and answers its URL, at each call."""
    return lambda: create_mariadb_database(mariadb_server)


@pytest.fixture
def postgres_url(postgres_database: Callable[[], str]) -> str:
    return postgres_database()


@pytest.fixture
def mariadb_url(mariadb_database: Callable[[], str]) -> str:
    return mariadb_database()
