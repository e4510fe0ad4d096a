"""The connector installed alone: nothing of the service, no framework, only PyJWT."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "connector"
PYJWT = ("jwt", "cryptography", "cffi", "_cffi_backend")
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


def link_pyjwt(into: Path) -> None:
    """Puts PyJWT and what its `crypto` needs where only they can be imported; all else is missing.

    To install them again would take as long as to build the connector.
    """
    for name in PYJWT:
        found = find_spec(name)
        assert found is not None
        assert found.origin is not None
        path = Path(found.origin)
        path = path.parent if found.submodule_search_locations else path
        (into / path.name).symlink_to(path)


def test_installed_alone_it_needs_pyjwt_and_guards_a_shop(tmp_path: Path) -> None:
    """One test, so that no second process builds the wheel."""
    install = [sys.executable, "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
    target = ["--no-deps", "--target", str(tmp_path)]
    subprocess.run([*install, *target, str(FOLDER)], check=True, cwd=tmp_path)
    link_pyjwt(tmp_path)
    (info,) = tmp_path.glob("holdfast_connector-*.dist-info")
    lines = (info / "METADATA").read_text("utf-8").splitlines()
    assert [line for line in lines if line.startswith("Requires-Dist:")] == [
        "Requires-Dist: pyjwt[crypto]>=2.15.1"
    ]
    files = [line.partition(",")[0] for line in (info / "RECORD").read_text("utf-8").splitlines()]
    tops = {name.partition("/")[0] for name in files} - {info.name, ".."}  # a script in bin
    assert tops == {"holdfast_connector"}
    assert "holdfast_connector/py.typed" in files
    done = subprocess.run(
        # -S: no site-packages, so nothing but what was installed and linked
        [sys.executable, "-S", "-c", USE],
        capture_output=True, text=True, check=True, cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )  # fmt: skip
    redirect, foreign = done.stdout.splitlines()
    assert redirect == ("302 Found https://wait.example/wait/gala?t=https%3A%2F%2Fshop.example%2F")
    assert foreign == "[]"
