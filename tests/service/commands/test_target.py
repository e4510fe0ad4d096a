"""Which service a command calls and which key it shows, by everything that can say so."""

from pathlib import Path

import click
import pytest

from holdfast.cli.remote.target import TargetOptions, find_target

VARIABLES = ("URL", "KEY", "KEY_FILE", "DATA_DIR", "CONFIG", "OPERATOR_KEY", "REQUIRE_SERVICES")


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in VARIABLES:
        monkeypatch.delenv(f"HOLDFAST_{variable}", raising=False)


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """That of a service which runs."""
    (tmp_path / "operator.url").write_text("http://127.0.0.1:9001\n")
    (tmp_path / "shop.url").write_text("http://127.0.0.1:9002\n")
    (tmp_path / "operator.key").write_text("local-key\n")
    return tmp_path


def test_running_service_of_the_directory_is_found(data_dir: Path) -> None:
    target = find_target(TargetOptions(data_dir=data_dir))
    assert (target.origin, target.key) == ("http://127.0.0.1:9001", "local-key")
    assert find_target(TargetOptions(data_dir=data_dir), "shop").origin == "http://127.0.0.1:9002"
    assert "local-key" not in repr(target)


def test_without_a_running_service_it_is_that_of_the_settings(data_dir: Path) -> None:
    (data_dir / "operator.url").unlink()
    config = data_dir / "holdfast.toml"
    config.write_text(f'port = 9123\ndata_dir = "{data_dir}"\n')
    target = find_target(TargetOptions(config_path=config))
    assert (target.origin, target.key) == ("http://127.0.0.1:9123", "local-key")


def test_variables_say_both(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOLDFAST_URL", "https://tickets.example/")
    monkeypatch.setenv("HOLDFAST_KEY", "from-variable")
    target = find_target(TargetOptions(data_dir=data_dir))
    assert (target.origin, target.key) == ("https://tickets.example", "from-variable")
    named = data_dir / "other.key"
    named.write_text("from-file")
    assert find_target(TargetOptions(key_file=named)).key == "from-file"
    monkeypatch.delenv("HOLDFAST_KEY")
    monkeypatch.setenv("HOLDFAST_KEY_FILE", str(named))
    assert find_target(TargetOptions(data_dir=data_dir)).key == "from-file"


@pytest.mark.parametrize("url", ["https://elsewhere.example", "http://10.0.0.7:8080"])
def test_key_of_the_directory_is_not_sent_to_other_machines(data_dir: Path, url: str) -> None:
    with pytest.raises(click.UsageError, match="a key for"):
        find_target(TargetOptions(url=url, data_dir=data_dir))
    here = find_target(TargetOptions(url="http://localhost:1", data_dir=data_dir))
    assert here.key == "local-key"


@pytest.mark.parametrize(
    "url", ["tickets.example", "ftp://a", "http://u:p@a", "http://a/v1", "http://a?x=1", "http://"]
)
def test_what_is_no_origin_is_refused(data_dir: Path, url: str) -> None:
    with pytest.raises(click.UsageError):
        find_target(TargetOptions(url=url, data_dir=data_dir))


@pytest.mark.parametrize("content", [b"", b"\n", b"two\nlines", b"\xff\xfe"])
def test_file_without_a_key_is_refused(data_dir: Path, content: bytes) -> None:
    file = data_dir / "bad.key"
    file.write_bytes(content)
    with pytest.raises(click.UsageError, match=r"bad\.key"):
        find_target(TargetOptions(key_file=file, data_dir=data_dir))


def test_missing_key_is_told(tmp_path: Path) -> None:
    (tmp_path / "operator.url").write_text("http://127.0.0.1:9001\n")
    with pytest.raises(click.UsageError, match="there is no key"):
        find_target(TargetOptions(data_dir=tmp_path))
