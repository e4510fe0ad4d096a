"""The last release, built from the repository's own history and installed beside this tree.

Its dependencies are those of this environment: only its own packages are installed.
"""

import shutil
import subprocess
import sys
import tarfile
from io import BytesIO
from pathlib import Path
from typing import Final

import pytest
from support.services import REQUIRED

ROOT: Final = Path(__file__).parents[3]
LAST_RELEASE: Final = "9f2e336a8e815a458aaa1bb0b2bc7e9230478800"
"""A commit, as nothing has been released yet: the last one before there were data versions."""


def installed_last_release(directory: Path) -> Path:
    """Where the last release is installed; the test is skipped where there is no history."""
    source, wheels, target = (directory / name for name in ("source", "wheels", "installed"))
    _extract(source)
    pip = [sys.executable, "-m", "pip"]
    quiet = ["-qq", "--no-deps", "--disable-pip-version-check"]
    _run([*pip, "wheel", *quiet, "--wheel-dir", str(wheels), str(source)])
    [wheel] = wheels.glob("*.whl")
    _run([*pip, "install", *quiet, "--no-index", "--target", str(target), str(wheel)])
    return target


def environment_of(installed: Path) -> dict[str, str]:
    """With these variables, Python finds the release before this tree."""
    return {"PYTHONPATH": str(installed), "PYTHONSAFEPATH": "1"}


def _extract(directory: Path) -> None:
    git = shutil.which("git")
    command = [git or "git", "-C", str(ROOT), "archive", LAST_RELEASE]
    packed = subprocess.run(command, capture_output=True, check=False) if git else None
    if packed is None or packed.returncode != 0:
        reason = f"the repository's history has no {LAST_RELEASE[:12]} (a shallow clone?)"
        if REQUIRED and (ROOT / ".git").exists():
            pytest.fail(reason)
        pytest.skip(reason)
    with tarfile.open(fileobj=BytesIO(packed.stdout)) as archive:
        archive.extractall(directory, filter="data")


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
    assert done.returncode == 0, done.stdout + done.stderr
