"""Commands that call the service, run in this process against a real one."""

import json
from typing import Any

from click.testing import CliRunner, Result
from support.service.running import Service

from holdfast.cli import main


def run(service: Service, *arguments: str, given: str | None = None, **environ: str) -> Result:
    """The command's end, as with the data directory of the service; it has no terminal."""
    # What asks the tests for every service is no setting, of which commands would warn.
    mine = {"HOLDFAST_REQUIRE_SERVICES": None, "HOLDFAST_DATA_DIR": str(service.data_dir)}
    return CliRunner().invoke(main, arguments, input=given, env={**mine, **environ})


def done(service: Service, *arguments: str, given: str | None = None) -> str:
    """What a command prints that has to succeed."""
    result = run(service, *arguments, given=given)
    assert result.exit_code == 0, result.output
    return result.stdout


def document(service: Service, *arguments: str, given: str | None = None) -> Any:
    """What it prints with --json."""
    return json.loads(done(service, *arguments, "--json", given=given))
