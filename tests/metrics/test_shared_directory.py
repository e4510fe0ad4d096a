from contextlib import ExitStack
from pathlib import Path

import pytest

from holdfast_metrics.shared_directory import shared_directory


@pytest.fixture
def memory(tmp_path: Path) -> Path:
    path = tmp_path / "shm"
    path.mkdir()
    return path


def test_shared_directory_is_private_and_gone_at_the_end(memory: Path, tmp_path: Path) -> None:
    with shared_directory(tmp_path, shared_memory=memory) as path:
        assert path.parent == memory
        assert path.stat().st_mode & 0o777 == 0o700
        (path / "counter_0.db").touch()
    assert not list(memory.iterdir())


def test_shared_directory_of_a_running_service_is_left_alone(memory: Path, tmp_path: Path) -> None:
    """Given one that runs and one that was killed, then only the directory of that one goes."""
    with ExitStack() as stack:
        first = stack.enter_context(shared_directory(tmp_path, shared_memory=memory))
        left = first.with_name(first.name[:-8] + "killed00")
        left.mkdir()
        (left / "counter_0.db").touch()
        second = stack.enter_context(shared_directory(tmp_path, shared_memory=memory))
        assert set(memory.iterdir()) == {first, second}


@pytest.mark.parametrize("shared_memory", ["missing", "file"])
def test_shared_directory_is_elsewhere_where_there_is_no_shared_memory(
    tmp_path: Path, shared_memory: str
) -> None:
    (tmp_path / "file").touch()
    with shared_directory(tmp_path, shared_memory=tmp_path / shared_memory) as path:
        assert path.parent == tmp_path
    assert not path.exists()


def test_link_of_somebody_else_is_not_followed(memory: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    with shared_directory(tmp_path, shared_memory=memory) as path:
        prefix = path.name[:-8]
    (memory / f"{prefix}00000000").symlink_to(kept)
    with shared_directory(tmp_path, shared_memory=memory):
        assert kept.exists()
