"""Settings: where they come from, what is refused, what is shown."""

import os
import stat
from dataclasses import fields
from pathlib import Path

import pytest
from click.testing import CliRunner

from holdfast import keyfiles
from holdfast.cli import main
from holdfast.config import (
    Config,
    ConfigError,
    load_config,
    variable_of,
)
from holdfast.setting_docs import describe_settings

A_SECRET = "s" * 40


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_defaults_listen_on_loopback_with_everything_embedded() -> None:
    config = load_config(None, {}).config
    assert (config.host, config.port, config.workers) == ("127.0.0.1", 8080, 1)
    assert config.store_url is None
    assert config.ledger_url is None


def test_later_sources_win(tmp_path: Path) -> None:
    """Given file, environment and option for one setting, the option counts."""
    path = write(tmp_path / "h.toml", 'port = 1001\nworkers = 2\nhost = "127.0.0.2"\n')
    environ = {"HOLDFAST_PORT": "1002", "HOLDFAST_WORKERS": "3"}
    config = load_config(path, environ, {"port": 1003, "workers": None}).config
    assert (config.host, config.workers, config.port) == ("127.0.0.2", 3, 1003)


def test_every_kind_of_value_is_read_from_the_environment(tmp_path: Path) -> None:
    environ = {
        "HOLDFAST_DATA_DIR": str(tmp_path),
        "HOLDFAST_SHUTDOWN_SECONDS": "2.5",
        "HOLDFAST_TRUSTED_PROXIES": "10.0.0.0/8, 192.168.0.0/16",
        "HOLDFAST_STORE_URL": "",
    }
    config = load_config(None, environ).config
    assert config.data_dir == tmp_path
    assert config.shutdown_seconds == 2.5
    assert config.trusted_proxies == ("10.0.0.0/8", "192.168.0.0/16")
    assert config.store_url is None


def test_unknown_key_in_the_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="unknown setting 'wokers'"):
        load_config(write(tmp_path / "h.toml", "wokers = 2\n"), {})


def test_variables_of_a_kubernetes_service_of_that_name_are_told_and_not_read() -> None:
    environ = {
        "HOLDFAST_ADMIN_PORT": "tcp://10.0.0.8:9464",
        "HOLDFAST_ADMIN_PORT_9464_TCP_ADDR": "10.0.0.8",
        "HOLDFAST_ADMIN_SERVICE_PORT": "9464",
        "HOLDFAST_PORT": "tcp://10.0.0.7:8080",
        "HOLDFAST_PORT_8080_TCP": "tcp://10.0.0.7:8080",
        "HOLDFAST_PORT_8080_TCP_ADDR": "10.0.0.7",
        "HOLDFAST_SERVICE_HOST": "10.0.0.7",
        "HOLDFAST_SERVICE_PORT_HTTP": "8080",
    }
    loaded = load_config(None, environ)
    assert loaded.config == load_config(None, {}).config
    assert loaded.warnings == tuple(
        f"{variable} was set by Kubernetes for a Service of that name; it is not a setting"
        for variable in environ
    )


def test_unknown_variable_is_a_warning() -> None:
    loaded = load_config(
        None, {"HOLDFAST_WOKERS": "2", "HOME": "/", "HOLDFAST_CONFIG": "x", "HOLDFAST_KEY": "y"}
    )
    assert loaded.warnings == ("HOLDFAST_WOKERS is not a setting; `holdfast settings` lists them",)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"port": "eighty"}, "setting port"),
        ({"port": "70000"}, "setting port"),
        ({"workers": "0"}, "setting workers"),
        ({"tick_ms": "1"}, "setting tick_ms"),
        ({"log_level": "loud"}, "log_level"),
        ({"log_format": "xml"}, "log_format"),
        ({"pass_algorithm": "none"}, "pass_algorithm"),
        ({"public_url": "https://a.example/path"}, "public_url"),
        ({"public_url": "ftp://a.example"}, "public_url"),
        ({"public_url": "https://a.example:99999"}, "public_url"),
        ({"public_url": "https://me@a.example"}, "public_url"),
        ({"trusted_proxies": "10.0.0.1, proxy.example"}, "trusted_proxies.*proxy.example"),
        ({"trusted_proxies": "10.0.0.1/8"}, "trusted_proxies"),
        ({"admin_port": "8080"}, "admin_port"),
        ({"secret": "short"}, "secret"),
        ({"secret_previous": f"{A_SECRET},short"}, "secret"),
        ({"operator_key": "short"}, "operator_key"),
    ],
)
def test_bad_value_names_its_setting(values: dict[str, str], words: str) -> None:
    environ = {variable_of(name): value for name, value in values.items()}
    with pytest.raises(ConfigError, match=words):
        load_config(None, environ)


def test_file_that_is_no_toml_or_missing_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="not TOML"):
        load_config(write(tmp_path / "h.toml", "= ="), {})
    with pytest.raises(ConfigError, match="cannot read"):
        load_config(tmp_path / "none.toml", {})


def test_secrets_stay_out_of_repr_and_settings() -> None:
    environ = {
        "HOLDFAST_SECRET": A_SECRET,
        "HOLDFAST_OPERATOR_KEY": "k" * 20,
        "HOLDFAST_SECRET_PREVIOUS": "p" * 40,
        "HOLDFAST_LEDGER_URL": "postgresql://u:password-1@h/d",
        "HOLDFAST_STORE_URL": "redis://:password-2@h",
    }
    config = load_config(None, environ).config
    shown = CliRunner().invoke(main, ["settings"], env=environ).output
    for text in (repr(config), shown):
        for value in (A_SECRET, "k" * 20, "p" * 40, "password-1", "password-2"):
            assert value not in text
    assert "secret = (set)" in shown


def test_every_setting_has_a_sentence_and_is_printed() -> None:
    shown = CliRunner().invoke(main, ["settings"]).output
    described = list(describe_settings())
    assert [item.name for item in described] == [item.name for item in fields(Config)]
    for item in described:
        assert item.doc.rstrip().endswith(".") or "<" in item.doc, item.name
        assert f"{item.name} = " in shown
        assert all(variable in shown for variable in item.variables)


def test_help_names_every_command() -> None:
    shown = CliRunner().invoke(main, ["--help"])
    assert shown.exit_code == 0
    for name in ("serve", "settings", "keys", "version"):
        assert name in shown.output
        assert CliRunner().invoke(main, [name, "--help"]).exit_code == 0


def test_generated_secrets_are_private_and_found_again(tmp_path: Path) -> None:
    config = Config(data_dir=tmp_path)
    first = (keyfiles.master_secret(config), keyfiles.operator_key(config))
    assert (keyfiles.master_secret(config), keyfiles.operator_key(config)) == first
    for name in ("secret", "operator.key"):
        assert stat.S_IMODE(os.stat(tmp_path / name).st_mode) == 0o600
    assert len(set(first)) == 2


def test_secret_that_others_can_read_is_refused(tmp_path: Path) -> None:
    config = Config(data_dir=tmp_path)
    keyfiles.master_secret(config)
    (tmp_path / "secret").chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        keyfiles.master_secret(config)


def test_configured_secret_makes_no_file(tmp_path: Path) -> None:
    config = Config(data_dir=tmp_path, secret=A_SECRET, operator_key="k" * 20)
    assert keyfiles.master_secret(config) == A_SECRET
    assert keyfiles.operator_key(config) == "k" * 20
    assert list(tmp_path.iterdir()) == []
