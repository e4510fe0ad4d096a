"""Checks a running service by `holdfast reconcile`."""

import asyncio
import os
import subprocess

from support.service import forked_command
from support.service.running import Service


def command(service: Service, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command, over the data directory of the service."""
    # What the tests need is no setting of the service, and it would say so.
    clean = {name: os.environ[name] for name in os.environ if name != "HOLDFAST_REQUIRE_SERVICES"}
    command = ["reconcile", *arguments, "--data-dir", str(service.data_dir)]
    return forked_command.run(*command, environ={**clean, **service.environ})


async def reconciled(service: Service, sale: str) -> None:
    """Store, ledger and events of the sale agree, seat by seat."""
    done = await asyncio.to_thread(command, service, sale)
    assert done.returncode == 0, done.stdout + done.stderr
