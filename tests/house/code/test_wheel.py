"""The wheel holds what the service needs at run time: scripts, pages, plans; and nothing else."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PACKAGES = {
    "holdfast": ROOT / "holdfast",
    "holdfast_queue": ROOT / "queue" / "holdfast_queue",
    "holdfast_inventory": ROOT / "inventory" / "holdfast_inventory",
    "holdfast_ledger": ROOT / "ledger" / "holdfast_ledger",
    "holdfast_lua": ROOT / "lua" / "holdfast_lua",
    "holdfast_metrics": ROOT / "metrics" / "holdfast_metrics",
    "holdfast_tasks": ROOT / "tasks" / "holdfast_tasks",
    "holdfast_web": ROOT / "web" / "holdfast_web",
    "holdfast_connector": ROOT / "connector" / "holdfast_connector",
    "holdfast_console": ROOT / "console" / "holdfast_console",
    "holdfast_demo": ROOT / "demo" / "holdfast_demo",
    "holdfast_loadtest": ROOT / "loadtest" / "holdfast_loadtest",
    "holdfast_simulator": ROOT / "simulator" / "holdfast_simulator",
}


@pytest.fixture
def wheel_names(tmp_path: Path) -> set[str]:
    target = tmp_path
    command = [sys.executable, "-m", "pip", "wheel", "-qq", "--no-deps", "--wheel-dir"]
    subprocess.run([*command, str(target), str(ROOT)], check=True, cwd=target)
    (wheel,) = target.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def _tracked(directory: Path) -> set[Path]:
    command = ["git", "ls-files", "-z", "--", str(directory)]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return {ROOT / name for name in listed.split("\0") if name}


def test_wheel_has_every_file_of_the_packages_and_nothing_else(wheel_names: set[str]) -> None:
    """One test, so that no second process builds the wheel for a part of it."""
    for package, directory in PACKAGES.items():
        wanted = {f"{package}/{path.relative_to(directory)}" for path in _tracked(directory)}
        assert wanted, package
        assert wanted <= wheel_names
    # Those that are easily forgotten.
    for suffix in (".lua", ".html", ".js", ".css", ".json", "py.typed"):
        assert any(name.endswith(suffix) for name in wheel_names), suffix
    tops = {name.partition("/")[0] for name in wheel_names}
    assert {top for top in tops if not top.endswith(".dist-info")} == set(PACKAGES)
    assert not [name for name in wheel_names if "__pycache__" in name or "/tests/" in name]
