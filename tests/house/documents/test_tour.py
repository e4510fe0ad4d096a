"""The README's tour, run as it is printed against a real service: every command must succeed."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.service.running import Service, serving

ROOT = Path(__file__).resolve().parents[3]


def tour() -> str:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    part = readme.partition("<!-- tour -->")[2].partition("<!-- end of tour -->")[0]
    return "\n".join(re.findall(r"```sh\n(.*?)```", part, re.DOTALL))


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    empty = tmp_path / "data"
    empty.mkdir()
    with serving(empty) as running:
        yield running


def test_tour_ends_with_a_confirmed_order(service: Service, tmp_path: Path) -> None:
    environment = {"HOLDFAST_URL": service.url, "HOLDFAST_DATA_DIR": str(tmp_path / "data")}
    done = subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", tour()],
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    order = json.loads(done.stdout[done.stdout.rindex('{"id"') :])
    assert order["status"] == "confirmed"
