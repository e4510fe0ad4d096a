"""The servers that other tests rely on: they start, they are empty, and nothing is shared."""

import subprocess

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from support import http_servers, ports, services


async def _make_table(url: str) -> None:
    engine = create_async_engine(url)
    async with engine.begin() as connection:
        await connection.execute(text("CREATE TABLE only_here (id INTEGER PRIMARY KEY)"))
    await engine.dispose()


@pytest.mark.parametrize("database", ["postgres_database", "mariadb_database"])
async def test_database_is_fresh_at_each_call(
    database: str, request: pytest.FixtureRequest
) -> None:
    create = request.getfixturevalue(database)
    for _ in range(2):
        await _make_table(create())


def test_missing_program_skips_unless_services_are_required(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(services, "REQUIRED", False)
    with pytest.raises(pytest.skip.Exception, match="no-such-program"):
        services.program("no-such-program", "nothing")
    monkeypatch.setattr(services, "REQUIRED", True)
    with pytest.raises(pytest.fail.Exception, match="no-such-program"):
        services.program("no-such-program", "nothing")


def test_server_is_gone_after_its_context() -> None:
    port = ports.free_port()
    with http_servers.nginx(f"server {{ listen 127.0.0.1:{port}; }}", port=port) as server:
        process: subprocess.Popen[bytes] = server.process
    assert process.poll() is not None
    assert not server.directory.exists()
