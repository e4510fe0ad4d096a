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
    "holdfast_demo": ROOT / "demo" / "holdfast_demo",
    "holdfast_loadtest": ROOT / "loadtest" / "holdfast_loadtest",
}


@pytest.fixture(scope="module")
def wheel_names(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    target = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "-qq", "--no-deps", "--wheel-dir"]
    subprocess.run([*command, str(target), str(ROOT)], check=True, cwd=target)
    (wheel,) = target.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def _tracked(directory: Path) -> set[Path]:
    command = ["git", "ls-files", "-z", "--", str(directory)]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return {ROOT / name for name in listed.split("\0") if name}


@pytest.mark.parametrize("package", PACKAGES)
def test_wheel_has_every_file_of_the_package(package: str, wheel_names: set[str]) -> None:
    directory = PACKAGES[package]
    wanted = {f"{package}/{path.relative_to(directory)}" for path in _tracked(directory)}
    assert wanted
    assert wanted <= wheel_names


def test_wheel_has_the_kinds_of_files_that_are_easily_forgotten(wheel_names: set[str]) -> None:
    for suffix in (".lua", ".html", ".js", ".css", ".json", "py.typed"):
        assert any(name.endswith(suffix) for name in wheel_names), suffix


def test_wheel_has_nothing_but_the_packages(wheel_names: set[str]) -> None:
    tops = {name.partition("/")[0] for name in wheel_names}
    assert {top for top in tops if not top.endswith(".dist-info")} == set(PACKAGES)
    assert not [name for name in wheel_names if "__pycache__" in name or "/tests/" in name]
