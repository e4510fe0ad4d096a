"""The doctor's command, and what it says of the host."""

import json
import resource
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from support.service.doctor_findings import judged, worse
from support.service.running import Service, StartService

from holdfast.cli import main
from holdfast.config import Config, load_config
from holdfast.doctor import Level
from holdfast.doctor.host import (
    examine_host,
    judge_open_files,
    judge_proxies,
    judge_public_url,
    judge_roles,
    judge_shop,
)

PUBLIC = {"public_url": "https://wait.example"}
SHARED = {"store_url": "redis://store", "ledger_url": "postgresql://ledger/holdfast"}


def test_fresh_machine_has_no_problem_and_is_left_alone(tmp_path: Path) -> None:
    data = tmp_path / "data"
    result = CliRunner().invoke(main, ["doctor", "--data-dir", str(data)])
    assert result.exit_code == 0, result.output
    assert "warning  reachable     the embedded store is not running" in result.output
    assert "-> run `holdfast serve` and look again" in result.output
    assert "\n0 problems, " in result.output
    assert not data.exists()


def test_running_service_is_well(start_service: StartService) -> None:
    service: Service = start_service()
    arguments = ["doctor", "--json", "--data-dir", str(service.data_dir)]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    found = {(line["area"], line["check"]): line for line in report["findings"]}
    assert sum(report["counts"].values()) == len(found)
    limit = found["host", "open_files"]["found"]  # whatever it is here
    assert limit.endswith("(of the running service)")
    assert {key for key, line in found.items() if line["level"] != "ok"} <= {("host", "open_files")}
    assert found["store", "appendonly"]["subject"] == "embedded"
    assert found["store", "appendfsync"]["found"] == "everysec"
    assert found["ledger", "synchronous"]["found"] == "FULL"
    assert found["ledger", "migrations"]["level"] == "ok"
    assert found["host", "secret"]["found"].endswith("mode 0600")


def test_problem_ends_the_command_with_1_and_says_what_to_do(tmp_path: Path) -> None:
    environ = {"HOLDFAST_STORE_URL": "redis://me:s3cret@127.0.0.1:1", "HOLDFAST_SECRET": "x" * 32}
    result = CliRunner().invoke(main, ["doctor", "--data-dir", str(tmp_path)], env=environ)
    assert result.exit_code == 1
    assert "-> start it, or correct HOLDFAST_STORE_URL" in result.output
    assert "s3cret" not in result.output


@pytest.fixture
def private(tmp_path: Path) -> Path:
    tmp_path.chmod(0o700)
    return tmp_path


@pytest.mark.parametrize("name", ["secret", "operator.key"])
def test_secret_that_others_can_read_is_a_problem(private: Path, name: str) -> None:
    path = private / name
    path.write_text("a" * 40)
    path.chmod(0o640)
    files = {"data_dir", "secret", "operator_key"}
    levels = judged(examine_host(Config(data_dir=private)), "host")
    assert worse(levels).keys() & files == {name.replace(".", "_")}
    path.chmod(0o600)
    private.chmod(0o755)
    levels = judged(examine_host(Config(data_dir=private)), "host")
    assert worse(levels).keys() & files == {"data_dir"}


def test_second_node_needs_the_same_secret(private: Path) -> None:
    shared = Config(data_dir=private, store_url="redis://store.example")
    assert judged(examine_host(shared), "host")["secret"] is Level.WARNING
    shared = replace(shared, secret="x" * 32)
    assert judged(examine_host(shared), "host")["secret"] is Level.OK


@pytest.mark.parametrize(
    ("host", "public_url", "level"),
    [
        ("127.0.0.1", None, Level.OK),
        ("::1", None, Level.OK),
        ("localhost", None, Level.OK),
        ("0.0.0.0", None, Level.PROBLEM),  # noqa: S104 - only judged
        ("127.0.0.1", "http://wait.example", Level.WARNING),
        ("0.0.0.0", "http://127.0.0.1:8080", Level.OK),  # noqa: S104 - only judged
        ("0.0.0.0", "https://wait.example", Level.OK),  # noqa: S104 - only judged
    ],
)
def test_where_visitors_are_sent(host: str, public_url: str | None, level: Level) -> None:
    assert judge_public_url(host, public_url).level is level


def test_few_open_files_are_a_problem(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "holdfast", "doctor", "--json", "--data-dir", str(tmp_path)]
    limited = ["sh", "-c", 'ulimit -n 512 && exec "$@"', "sh", *command]
    done = subprocess.run(limited, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    (line,) = [
        line for line in json.loads(done.stdout)["findings"] if line["check"] == "open_files"
    ]
    assert (line["level"], line["found"]) == ("problem", "512 (of this shell)")


@pytest.mark.parametrize(
    ("limit", "level"),
    [(4_096, Level.WARNING), (65_536, Level.OK), (resource.RLIM_INFINITY, Level.OK)],
)
def test_open_file_limits(limit: int, level: Level) -> None:
    assert judge_open_files(limit, "of this test").level is level


@pytest.mark.parametrize(
    ("public_url", "proxies", "level"),
    [
        ("https://wait.example", (), Level.WARNING),
        ("https://wait.example", ("10.0.0.0/8",), Level.OK),
        ("http://wait.example", (), Level.OK),
        (None, (), Level.OK),
    ],
)
def test_proxy_that_is_not_named_is_warned_of(
    public_url: str | None, proxies: tuple[str, ...], level: Level
) -> None:
    """TLS ends at a proxy, so where there is TLS there is one."""
    config = Config(public_url=public_url, trusted_proxies=proxies)
    assert judge_proxies(config).level is level


@pytest.mark.parametrize(
    ("role", "proxies", "level"),
    [
        ("room", ("10.0.0.0/8",), Level.WARNING),
        ("room", ("10.0.0.0/8", "unix"), Level.OK),
        ("shop", ("10.0.0.0/8",), Level.OK),
    ],
)
def test_visitors_of_a_unix_socket_have_addresses_only_by_their_proxy(
    role: str, proxies: tuple[str, ...], level: Level
) -> None:
    listener = {f"listen_{role}": "unix:/run/room.sock"}
    config = load_config(None, {}, {**PUBLIC, **listener, "trusted_proxies": proxies}).config
    assert judge_proxies(config).level is level


@pytest.mark.parametrize(
    ("settings", "level", "change"),
    [
        ({}, Level.OK, ""),
        (SHARED, Level.OK, ""),
        ({"roles": ["room"]}, Level.PROBLEM, "set store_url and ledger_url"),
        ({"roles": ["room"], **SHARED}, Level.OK, ""),
        ({"roles": ["room"], **SHARED, "ledger_url": None}, Level.PROBLEM, "set ledger_url to"),
    ],
)
def test_node_of_some_roles_shares_store_and_ledger_with_the_others(
    settings: dict[str, object], level: Level, change: str
) -> None:
    finding = judge_roles(load_config(None, {}, settings).config)
    assert finding.level is level
    assert finding.change.startswith(change)


@pytest.mark.parametrize(
    ("settings", "level", "words"),
    [
        ({}, Level.OK, "shared with room and sales_floor"),
        (PUBLIC, Level.WARNING, "shared with room and sales_floor"),
        ({"host": "10.0.0.5"}, Level.WARNING, "10.0.0.5:8080, shared with"),
        ({**PUBLIC, "listen_shop": "127.0.0.1:8081"}, Level.OK, "127.0.0.1:8081, by 1 workers"),
        ({**PUBLIC, "listen_room": "127.0.0.1:8081"}, Level.WARNING, "shared with sales_floor"),
        ({**PUBLIC, "roles": ["shop", "operator"]}, Level.OK, "127.0.0.1:8080, by 1 workers"),
        ({**PUBLIC, "roles": ["room"]}, Level.OK, "served by other nodes"),
    ],
)
def test_shop_that_shares_its_listener_with_a_crowd_is_warned_of(
    settings: dict[str, object], level: Level, words: str
) -> None:
    finding = judge_shop(load_config(None, {}, settings).config)
    assert finding.level is level
    assert words in finding.found
