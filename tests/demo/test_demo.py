"""The demo itself, small: a real service, a real crowd, the real audit, and what happens to it when
things are killed.
"""

import os
import re
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.service.forked_command import start

RUN_SECONDS = 180
# The rush lasts longer than it takes until the first figures are told, after five seconds.
SMALL = ("--visitors", "60", "--rate", "300", "--hold-seconds", "3", "--headless")
PORTS = ("--port", "0", "--shop-port", "0")


class Demo:
    """A running `holdfast demo`, read line by line."""

    def __init__(self, *options: str) -> None:
        self.lines: list[str] = []
        reads, writes = os.pipe()
        self._output = os.fdopen(reads)
        with os.fdopen(writes, "wb") as output:
            self.process = start(
                "demo", *PORTS, *options, environ=os.environ, stdout=output, stderr=output
            )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        self.lines.extend(iter(self._output.readline, ""))

    @property
    def text(self) -> str:
        return "".join(self.lines)

    def until(self, seen: Callable[[str], bool], seconds: float = RUN_SECONDS) -> None:
        """Waits for something in the output, not longer than the demo lives."""
        end = time.monotonic() + seconds
        while not seen(self.text):
            assert time.monotonic() < end, self.text
            assert self.process.poll() is None, self.text
            time.sleep(0.05)

    def finish(self) -> int:
        code = self.process.wait(RUN_SECONDS)
        self._reader.join(5)
        return code

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._reader.join(5)
        self._output.close()


@pytest.fixture
def demo() -> Iterator[Callable[..., Demo]]:
    running: list[Demo] = []

    def begin(*options: str) -> Demo:
        running.append(Demo(*options))
        return running[-1]

    yield begin
    for one in running:
        one.stop()


def orders_confirmed(text: str) -> int:
    found = re.search(r"the crowd could buy  \(([\d,]+) orders\)", text)
    return int(found[1].replace(",", "")) if found else 0


def processes_in(data_dir: Path) -> dict[int, str]:
    """Processes whose command line or working directory names the data directory."""
    found: dict[int, str] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if str(data_dir) in command and int(entry.name) != os.getpid():
            found[int(entry.name)] = command
    return found


def admitted(text: str) -> int:
    """The third column of the last line of figures."""
    found = re.findall(r"^\d\d:\d\d +[\d,]+ +[\d,]+ +([\d,]+)", text, re.MULTILINE)
    return int(found[-1].replace(",", "")) if found else 0


def test_demo_runs_to_a_verdict_and_leaves_nothing_behind(
    demo: Callable[..., Demo], tmp_path: Path
) -> None:
    data_dir = tmp_path / "demo"
    running = demo(*SMALL, "--data-dir", str(data_dir))
    assert running.finish() == 0, running.text
    assert "promises held" in running.text
    assert orders_confirmed(running.text) > 20
    assert processes_in(data_dir) == {}


def test_demo_survives_kill_9_of_the_service_during_the_rush(
    demo: Callable[..., Demo], tmp_path: Path
) -> None:
    data_dir = tmp_path / "demo"
    running = demo(*SMALL, "--data-dir", str(data_dir))
    running.until(lambda text: admitted(text) > 10)
    os.kill(int((data_dir / "service.lock").read_text()), signal.SIGKILL)
    running.until(lambda text: "the service is back" in text)
    assert running.finish() == 0, running.text
    assert orders_confirmed(running.text) > 20


def test_demo_survives_kill_9_of_the_store_during_the_rush(
    demo: Callable[..., Demo], tmp_path: Path
) -> None:
    data_dir = tmp_path / "demo"
    running = demo(*SMALL, "--data-dir", str(data_dir))
    running.until(lambda text: admitted(text) > 10)
    stores = [pid for pid, command in processes_in(data_dir).items() if "valkey" in command]
    assert stores
    os.kill(stores[0], signal.SIGKILL)
    assert running.finish() == 0, running.text
    assert orders_confirmed(running.text) > 20


def test_demo_stays_for_a_person_until_it_is_stopped(
    demo: Callable[..., Demo], tmp_path: Path
) -> None:
    data_dir = tmp_path / "demo"
    options = [option for option in SMALL if option != "--headless"]
    running = demo(*options, "--data-dir", str(data_dir))
    running.until(lambda text: "Press Ctrl-C" in text)
    assert processes_in(data_dir)
    running.process.send_signal(signal.SIGINT)
    assert running.finish() == 0
    assert processes_in(data_dir) == {}


def test_demo_that_is_killed_takes_its_service_along(
    demo: Callable[..., Demo], tmp_path: Path
) -> None:
    data_dir = tmp_path / "demo"
    running = demo(*SMALL, "--data-dir", str(data_dir))
    running.until(lambda text: admitted(text) > 0)
    running.process.kill()
    running.process.wait()
    end = time.monotonic() + 10
    while processes_in(data_dir) and time.monotonic() < end:
        time.sleep(0.05)
    assert processes_in(data_dir) == {}


def test_demo_refuses_a_taken_port(demo: Callable[..., Demo], tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        running = demo("--headless", "--port", str(taken.getsockname()[1]))
        assert running.finish() == 2
    assert "is taken" in running.text


def test_demo_that_is_stopped_early_says_that_nothing_was_judged(
    demo: Callable[..., Demo], tmp_path: Path
) -> None:
    running = demo(*SMALL, "--data-dir", str(tmp_path / "demo"))
    running.until(lambda text: admitted(text) > 0)
    running.process.send_signal(signal.SIGINT)
    assert running.finish() == 130
    assert "stopped before the audit" in running.text
    assert "Verdict" not in running.text
