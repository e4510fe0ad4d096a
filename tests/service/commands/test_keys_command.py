"""`holdfast keys create`: what a key may be called."""

import json
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


def test_keys_are_told_as_json(tmp_path: Path) -> None:
    arguments = ["--json", "--data-dir", str(tmp_path / "data")]
    limited = ["keys", "create", "fan-shop", "--channel", "fanclub", "--sale", "gala", *arguments]
    made = json.loads(CliRunner().invoke(main, limited).stdout)
    assert made.pop("secret").startswith("hf_")
    (listed,) = json.loads(CliRunner().invoke(main, ["keys", "list", *arguments]).stdout)
    assert listed == made
    assert (made["role"], made["channels"], made["sales"]) == ("platform", ["fanclub"], ["gala"])
    assert (made["name"], made["revoked_at"]) == ("fan-shop", None)
