"""The connector installed alone: nothing of the service, no framework, only PyJWT."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "connector"
USE = """
import sys
from wsgiref.util import setup_testing_defaults
from holdfast_connector import Settings, asgi, auth_request, wsgi, __main__
def shop(environ, start_response):
    raise AssertionError("nobody may get here")
app = wsgi.WaitingRoom(shop, Settings(service_url="https://wait.example",
    shop_url="https://shop.example", sale="gala", cookie_secrets=("c" * 40,)))
environ = {}
setup_testing_defaults(environ)
app(environ, lambda status, headers: print(status, dict(headers)["Location"]))
known = {"holdfast_connector", "jwt", "cryptography", "cffi", "_cffi_backend"}
tops = {name.partition(".")[0] for name in sys.modules} - set(sys.stdlib_module_names)
print(sorted(top for top in tops - known if not top.startswith("_")))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "-qq", "--no-deps", "--wheel-dir"]
    subprocess.run([*command, str(target), str(FOLDER)], check=True, cwd=target)
    (built,) = target.glob("*.whl")
    return built


def test_wheel_needs_pyjwt_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (metadata,) = (name for name in names if name.endswith("METADATA"))
        lines = archive.read(metadata).decode().splitlines()
    assert [line for line in lines if line.startswith("Requires-Dist:")] == [
        "Requires-Dist: pyjwt[crypto]>=2.15.1"
    ]
    tops = {name.partition("/")[0] for name in names if ".dist-info" not in name}
    assert tops == {"holdfast_connector"}
    assert "holdfast_connector/py.typed" in names


def test_installed_alone_it_guards_a_shop(wheel: Path, tmp_path: Path) -> None:
    install = [sys.executable, "-m", "pip", "install", "-qq", "--target", str(tmp_path), str(wheel)]
    subprocess.run([*install, "--disable-pip-version-check"], check=True, cwd=tmp_path)
    environ = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        # -S: no site-packages, so nothing but what was installed
        [sys.executable, "-S", "-c", USE],
        capture_output=True, text=True, check=True, env=environ, cwd=tmp_path,
    )  # fmt: skip
    redirect, foreign = done.stdout.splitlines()
    assert redirect == ("302 Found https://wait.example/wait/gala?t=https%3A%2F%2Fshop.example%2F")
    assert foreign == "[]"
