import logging
import os
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from redis import Redis

from holdfast_lua import EmbeddedStore, StoreSetupError
from holdfast_lua.embedded.files import SET_ASIDE_MAX, find_binary

REDIS = shutil.which("redis-server")
KEYS = 200


def client(store: EmbeddedStore) -> Redis:
    return Redis(unix_socket_path=store.url.removeprefix("unix://"))


def fill(data_dir: Path, binary: str | None) -> Path:
    """Files with a base and commands behind it, of a store that was killed; gives their folder."""
    with EmbeddedStore(data_dir, binary=binary) as store, client(store) as asking:
        for number in range(KEYS):
            asking.set(f"hf:before:{number}", "x" * 100)
        asking.bgrewriteaof()
        while asking.info("persistence")["aof_rewrite_in_progress"]:
            time.sleep(0.01)
        for number in range(KEYS):
            asking.set(f"hf:after:{number}", "y" * 100)
        assert store.pid is not None
        os.kill(store.pid, signal.SIGKILL)
    return data_dir / "store" / "appendonlydir"


def overwrite_middle(path: Path) -> None:
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(size // 2)
        file.write(b"\xff" * 64)


def break_commands(files: Path) -> None:
    """Not inside a value: nobody can tell there."""
    commands = next(files.glob("*.incr.aof"))
    text = commands.read_bytes()
    start = text.index(b"*3\r\n", len(text) // 2)
    commands.write_bytes(text[:start] + b"\x00" * 64 + text[start + 64 :])


def lose_a_piece(files: Path) -> None:
    commands = next(files.glob("*.incr.aof"))
    text = commands.read_bytes()
    commands.write_bytes(text[: len(text) // 2] + text[len(text) // 2 + 77 :])


def write_nonsense(files: Path) -> None:
    commands = next(files.glob("*.incr.aof"))
    commands.write_bytes(commands.read_bytes().replace(b"SET", b"SIT", 1))


def break_base(files: Path) -> None:
    overwrite_middle(next(files.glob("*.base.rdb")))


def cut_base(files: Path) -> None:
    base = next(files.glob("*.base.rdb"))
    os.truncate(base, base.stat().st_size // 2)


def lose_base(files: Path) -> None:
    next(files.glob("*.base.rdb")).unlink()


def break_manifest(files: Path) -> None:
    next(files.glob("*.manifest")).write_bytes(b"\x00garbage\n")


def empty_manifest(files: Path) -> None:
    next(files.glob("*.manifest")).write_bytes(b"")


BREAKS = [
    *(break_commands, lose_a_piece, write_nonsense),
    *(break_base, cut_base, lose_base),
    *(break_manifest, empty_manifest),
]


@pytest.fixture(
    params=[None, pytest.param(REDIS, marks=pytest.mark.skipif(not REDIS, reason="no Redis"))],
    ids=["valkey", "redis"],
)
def binary(request: pytest.FixtureRequest) -> str | None:
    chosen: str | None = request.param
    return chosen


@pytest.mark.parametrize("break_files", BREAKS)
def test_files_that_cannot_be_read_are_set_aside_and_told(
    tmp_path: Path,
    binary: str | None,
    break_files: Callable[[Path], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    files = fill(tmp_path, binary)
    break_files(files)
    broken = {path.name: path.read_bytes() for path in files.iterdir()}
    with EmbeddedStore(tmp_path, binary=binary) as store, client(store) as asking:
        assert asking.dbsize() == 0
        asking.set("hf:new", "1")
    (aside,) = (tmp_path / "store").glob("set-aside-*")
    assert {path.name: path.read_bytes() for path in aside.iterdir()} == broken
    (told,) = [each.getMessage() for each in caplog.records if each.levelno >= logging.WARNING]
    assert str(aside) in told
    assert "rebuilt from the ledger" in told
    # And the next start finds what the new files say
    with EmbeddedStore(tmp_path, binary=binary) as store, client(store) as asking:
        assert asking.get("hf:new") == b"1"


def test_last_command_that_is_cut_off_costs_itself_only(
    tmp_path: Path, binary: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    """As a power loss leaves it. The server drops it; the guard tells whoever saw its effect."""
    files = fill(tmp_path, binary)
    commands = next(files.glob("*.incr.aof"))
    os.truncate(commands, commands.stat().st_size - 20)
    with EmbeddedStore(tmp_path, binary=binary) as store, client(store) as asking:
        assert asking.dbsize() == 2 * KEYS - 1
    assert not list((tmp_path / "store").glob("set-aside-*"))
    assert not caplog.records or caplog.records[0].levelno < logging.WARNING


def test_only_the_latest_sets_are_kept(tmp_path: Path) -> None:
    for _ in range(SET_ASIDE_MAX + 2):
        break_manifest(fill(tmp_path, None))
    with EmbeddedStore(tmp_path):
        pass
    kept = sorted((tmp_path / "store").glob("set-aside-*"))
    assert len(kept) == SET_ASIDE_MAX


def test_server_that_does_not_start_without_its_files_either_keeps_them(tmp_path: Path) -> None:
    """Then the fault is elsewhere, here in a server that knows none of our settings."""
    files = fill(tmp_path, None)
    before = {path.name: path.read_bytes() for path in files.iterdir()}
    strange = tmp_path / "valkey-server"
    strange.write_text("#!/bin/sh\necho 'Fatal: bad option'\nexit 1\n")
    strange.chmod(0o755)
    with pytest.raises(StoreSetupError, match="bad option"):
        EmbeddedStore(tmp_path, binary=strange).start()
    assert {path.name: path.read_bytes() for path in files.iterdir()} == before
    assert not list((tmp_path / "store").glob("set-aside-*"))


def test_server_that_was_killed_while_it_read_keeps_its_files(tmp_path: Path) -> None:
    """By whoever: memory that is short is no reason to forget."""
    files = fill(tmp_path, None)
    strange = tmp_path / "valkey-server"
    killed = '#!/bin/sh\nif [ -e appendonlydir ]; then kill -9 $$; fi\nexec {} "$@"\n'
    strange.write_text(killed.format(find_binary()))
    strange.chmod(0o755)
    with pytest.raises(StoreSetupError, match="did not start"):
        EmbeddedStore(tmp_path, binary=strange).start()
    assert files.exists()
    assert not list((tmp_path / "store").glob("set-aside-*"))
