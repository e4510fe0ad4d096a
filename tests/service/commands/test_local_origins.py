"""The files by which commands find the service of a data directory, whatever its ports."""

from pathlib import Path

import pytest
from support.service.running import StartService

from holdfast.config import Config
from holdfast.local_origins import local_origins, origin_files


@pytest.mark.parametrize(
    ("config", "origin"),
    [
        (Config(host="0.0.0.0", port=9000), "http://127.0.0.1:9000"),  # noqa: S104
        (Config(host="::", port=9000), "http://[::1]:9000"),
        (Config(host="10.0.0.5", listen_operator="127.0.0.1:8082"), "http://127.0.0.1:8082"),
        (Config(listen_operator="unix:/run/operator.sock"), None),
        (Config(roles=("room",)), None),
    ],
)
def test_origin_is_that_of_the_operators_listener(config: Config, origin: str | None) -> None:
    assert local_origins(config.groups()).get("operator") == origin


def test_files_are_there_as_long_as_the_service(start_service: StartService) -> None:
    service = start_service("--port", "0", HOLDFAST_LISTEN_OPERATOR="127.0.0.1:0")
    operator, shop = (service.data_dir / f"{role}.url" for role in ("operator", "shop"))
    assert operator.read_text() == f"http://{service.listeners['operator']}\n"
    assert shop.read_text() == f"http://{service.listeners['shop']}\n"
    assert operator.stat().st_mode & 0o077 == 0
    assert service.stop() == 0
    assert list(service.data_dir.glob("*.url")) == []


def test_files_of_another_service_do_not_stay(tmp_path: Path) -> None:
    (tmp_path / "operator.url").write_text("http://127.0.0.1:1\n")
    with origin_files(tmp_path, {"room": "http://127.0.0.1:2"}):
        assert [file.name for file in tmp_path.iterdir()] == ["room.url"]


def test_full_disk_does_not_keep_a_service_from_running(tmp_path: Path) -> None:
    with origin_files(tmp_path / "missing", {"operator": "http://127.0.0.1:8080"}):
        assert not (tmp_path / "missing").exists()
