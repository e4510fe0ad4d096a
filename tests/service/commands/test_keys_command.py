"""`holdfast keys create`: what a key may be called."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from holdfast.cli import main


@pytest.mark.parametrize("name", ["", "two\nlines", "\x1b[2J", "\udcff", "x" * 101])
def test_name_that_is_no_text_is_refused(tmp_path: Path, name: str) -> None:
    done = CliRunner().invoke(main, ["keys", "create", name, "--data-dir", str(tmp_path / "data")])
    assert done.exit_code == 2
    assert "Invalid value" in done.output
    assert not (tmp_path / "data").exists()


def test_name_is_kept_in_one_form(tmp_path: Path) -> None:
    arguments = ["--data-dir", str(tmp_path / "data")]
    made = CliRunner().invoke(main, ["keys", "create", "Cafe\u0301", *arguments])
    assert made.exit_code == 0, made.output
    assert "Caf\u00e9" in CliRunner().invoke(main, ["keys", "list", *arguments]).output
