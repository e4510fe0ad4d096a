"""Nobody reads what the service says: closed streams, a reader that left, a full disk."""

import os
import signal
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from support.ports import free_port
from support.service.running import START_SECONDS, Service, is_alive, launch, wait_until

WRAPPERS = {
    "closed": ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh"],
    "stderr_closed": ["sh", "-c", 'exec "$@" 2>&-', "sh"],
    "without_reader": ["bash", "-c", 'exec "$@" > >(true) 2>&1', "bash"],
    "full": ["sh", "-c", 'exec "$@" >/dev/full 2>&1', "sh"],
}


@pytest.fixture(params=WRAPPERS)
def service(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Service, str]]:
    """A service whose output goes nowhere, and its URL."""
    port = free_port()
    wrapper = WRAPPERS[request.param]
    # A variable that is not known is warned of before anything starts.
    running = launch(
        tmp_path / "data", "--port", str(port), wrapper=wrapper, HOLDFAST_UNHEARD_OF="1"
    )
    yield running, f"http://127.0.0.1:{port}"
    if running.process.poll() is None:
        running.kill()


def _is_gone(pid: int) -> bool:
    return not is_alive(pid)


def _serves(url: str) -> bool:
    try:
        with urlopen(f"{url}/readyz", timeout=5) as answer:  # noqa: S310 - our own service
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False


def test_service_needs_nobody_who_reads_what_it_says(service: tuple[Service, str]) -> None:
    """It starts, replaces a worker and the store, refuses settings, and stops as ever.

    What is written to a handle that was closed must not come to a visitor: none is a socket.
    """
    running, url = service
    wait_until(lambda: _serves(url), START_SECONDS)
    for pid in (running.process.pid, *running.workers()):
        named = [os.readlink(f"/proc/{pid}/fd/{handle}") for handle in range(3)]
        assert not [name for name in named if name.startswith(("socket:", "anon_inode:"))]
    for victim in (running.store_pid(), running.workers()[0]):
        os.kill(victim, signal.SIGKILL)
        wait_until(partial(_is_gone, victim))
        wait_until(lambda: _serves(url), START_SECONDS)
    running.process.send_signal(signal.SIGHUP)
    wait_until(lambda: _serves(url))
    assert running.stop() == 0
