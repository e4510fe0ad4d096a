"""What the files of a deployment say of settings, in their lines and in their comments."""

import re
import subprocess
from pathlib import Path
from typing import Final

import pytest

from holdfast.setting_docs import describe_settings
from holdfast_web.request.body import BODY_LIMIT_BYTES

ROOT: Final = Path(__file__).resolve().parents[3]
OTHER_PROGRAMS: Final = {
    "external_labels",
    "proxy_ignore_headers",
    "ssl_client_certificate",
    "ssl_verify_client",
}
"""Settings of Prometheus and nginx that comments name and no file sets."""
DEFAULTS: Final = {setting.name: setting.default for setting in describe_settings()}


def _files() -> dict[str, str]:
    command = ["git", "ls-files", "--", "deploy", "compose.yaml", "Dockerfile"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return {name: (ROOT / name).read_text("utf-8") for name in listed.split()}


FILES: Final = _files()


def _comments(text: str) -> str:
    return " ".join(line.partition("#")[2].strip() for line in text.splitlines() if "#" in line)


def _code() -> str:
    return "\n".join(
        line.partition("#")[0] for text in FILES.values() for line in text.splitlines()
    )


@pytest.mark.parametrize("name", FILES)
def test_variables_are_settings_or_read_by_a_program_of_ours(name: str) -> None:
    known = {variable for setting in describe_settings() for variable in setting.variables}
    connector = (ROOT / "connector" / "holdfast_connector").rglob("*.py")
    for path in connector:
        known |= set(re.findall(r"\"(HOLDFAST_[A-Z_]+)\"", path.read_text("utf-8")))
    assert set(re.findall(r"\bHOLDFAST_[A-Z_]+\b", FILES[name])) - known == set()


def test_names_in_comments_are_settings_or_of_the_files() -> None:
    named = {
        name
        for text in FILES.values()
        for name in re.findall(r"(?<![/.])\b[a-z]+(?:_[a-z]+)+\b", _comments(text))
    }
    code = set(re.findall(r"\w+", _code()))
    assert named - DEFAULTS.keys() - code == OTHER_PROGRAMS
    assert {"keepalive_seconds", "change_streams", "shutdown_seconds", "admin_port"} <= named


def test_defaults_in_comments_are_those_of_the_settings() -> None:
    comments = " ".join(map(_comments, FILES.values()))
    told = re.findall(r"\b([a-z]+(?:_[a-z]+)+), (\d+) unless set", comments)
    assert told
    assert [(name, float(DEFAULTS[name])) for name, _ in told] == [
        (name, float(number)) for name, number in told
    ]


def test_nginx_lets_bodies_through_that_the_service_reads() -> None:
    nginx = FILES["deploy/nginx/holdfast.conf"]
    allowed = {int(size) * 1024 for size in re.findall(r"client_max_body_size (\d+)k;", nginx)}
    assert allowed == {BODY_LIMIT_BYTES}
