"""Secrets that stand in files: each setting that is one, what is refused, what no error repeats."""

from dataclasses import fields
from pathlib import Path

import pytest
from click.testing import CliRunner

from holdfast.cli import main
from holdfast.config import Config, ConfigError, load_config
from holdfast.secret_files import MAX_SECRET_FILE_BYTES
from holdfast.setting_docs import describe_settings

A_SECRET = "s" * 40
SECRET_SETTINGS = [item.name for item in describe_settings() if item.secret]


def test_every_secret_can_stand_in_a_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "value"
    path.write_text(f"{A_SECRET}\n")
    for item in fields(Config):
        environ = {f"HOLDFAST_{item.name.upper()}_FILE": str(path)}
        loaded = load_config(None, environ)
        if item.name in SECRET_SETTINGS:
            assert getattr(loaded.config, item.name) in (A_SECRET, (A_SECRET,))
            assert not loaded.warnings
        else:
            assert "is not a setting" in loaded.warnings[0]


@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\n\n"])
def test_line_breaks_at_the_end_are_no_part_of_a_secret(tmp_path: Path, end: str) -> None:
    path = tmp_path / "secret"
    path.write_bytes(f" {A_SECRET} {end}".encode())
    config = load_config(None, {"HOLDFAST_SECRET_FILE": str(path)}).config
    assert config.secret == f" {A_SECRET} "


def test_each_line_of_a_file_is_an_earlier_secret(tmp_path: Path) -> None:
    path = tmp_path / "previous"
    path.write_text(f"{A_SECRET}1\n{A_SECRET}2\n")
    config = load_config(None, {"HOLDFAST_SECRET_PREVIOUS_FILE": str(path)}).config
    assert config.secret_previous == (f"{A_SECRET}1", f"{A_SECRET}2")


def test_secret_given_both_ways_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text(A_SECRET)
    environ = {"HOLDFAST_SECRET": A_SECRET, "HOLDFAST_SECRET_FILE": str(path)}
    with pytest.raises(ConfigError, match="HOLDFAST_SECRET and HOLDFAST_SECRET_FILE are both set"):
        load_config(None, environ)


def test_empty_variables_are_not_set(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text(A_SECRET)
    unset = {"HOLDFAST_STORE_URL_FILE": "", "HOLDFAST_SECRET": ""}
    config = load_config(None, {**unset, "HOLDFAST_SECRET_FILE": str(path)}).config
    assert (config.secret, config.store_url) == (A_SECRET, None)


def test_largest_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("s" * MAX_SECRET_FILE_BYTES)
    config = load_config(None, {"HOLDFAST_SECRET_FILE": str(path)}).config
    assert config.secret == "s" * MAX_SECRET_FILE_BYTES


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "cannot read .*secret: No such file or directory"),
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b"hunter2-\xff", "is not UTF-8 text"),
        (b"hunter2-" * (MAX_SECRET_FILE_BYTES // 8) + b"2", "is larger than"),
    ],
)
def test_file_that_cannot_be_used_ends_the_command(
    tmp_path: Path, content: bytes | None, words: str
) -> None:
    path = tmp_path / "secret"
    if content is not None:
        path.write_bytes(content)
    environ = {"HOLDFAST_SECRET_FILE": str(path)}
    with pytest.raises(ConfigError, match=f"HOLDFAST_SECRET_FILE: .*{words}"):
        load_config(None, environ)
    ended = CliRunner().invoke(main, ["settings"], env=environ)
    assert ended.exit_code == 1
    assert str(path) in ended.output
    assert "hunter2" not in ended.output
