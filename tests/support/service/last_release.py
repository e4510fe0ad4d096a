"""The last release, taken from the repository's own history and put beside this tree.

Its dependencies are those of this environment: only its own packages are put there, as they are in
its wheel.
"""

import shutil
import subprocess
import tarfile
import tomllib
from io import BytesIO
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[3]
FIRST_ADDED: Final = "ledger/holdfast_ledger/database/data_version.py"
"""Nothing has been released yet: the last commit before there were data versions stands for it."""


def installed_last_release(directory: Path) -> Path:
    """Where the last release is; the test is skipped where there is no history."""
    source, target = directory / "source", directory / "installed"
    _extract(source)
    project = tomllib.loads((source / "pyproject.toml").read_text())
    target.mkdir()
    for package in project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]:
        (source / package).rename(target / Path(package).name)
    return target


def environment_of(installed: Path) -> dict[str, str]:
    """With these variables, Python finds the release before this tree."""
    return {"PYTHONPATH": str(installed), "PYTHONSAFEPATH": "1"}


def _extract(directory: Path) -> None:
    commit = _git("log", "--diff-filter=A", "--format=%P", "--", FIRST_ADDED).decode().split()
    packed = _git("archive", commit[-1]) if commit else b""
    if not packed:
        pytest.skip(f"the repository's history has nothing before {FIRST_ADDED} (a shallow clone?)")
    with tarfile.open(fileobj=BytesIO(packed)) as archive:
        archive.extractall(directory, filter="data")


def _git(*arguments: str) -> bytes:
    """What git answers; nothing where there is no git, or no such thing in the repository."""
    git = shutil.which("git")
    if git is None:
        return b""
    command = [git, "-C", str(ROOT), *arguments]
    return subprocess.run(command, capture_output=True, check=False).stdout
