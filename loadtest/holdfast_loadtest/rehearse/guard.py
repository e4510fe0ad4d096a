"""Cleans up after a rehearsal, however it ends: the load, the test sale, the key.

A process of its own reads what there is to clean from its standard input, and begins when that is
closed: when the rehearsal says that it is done, and when it was killed, too. So there is one way to
clean up. It deletes no sale that is not a test sale.

    python -m holdfast_loadtest.rehearse.guard   (started by `GuardProcess`)
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from functools import partial
from typing import Any, Final

import msgspec

from holdfast_loadtest.sale_api import ApiFault, SaleApi

END_SECONDS: Final = 15.0
"""how long the load has to end by itself"""
HOLDFAST: Final = (sys.executable, "-m", "holdfast")
COMMAND_SECONDS: Final = 120


class Duty(msgspec.Struct, kw_only=True):
    """What there is to clean up. Keys made here are called like the test sale."""

    url: str
    key: str
    sale: str
    keep: bool = False
    """whether the test sale stays"""
    key_options: list[str] = []
    """of `holdfast keys`: which ledger"""
    load: int = 0
    """the process group of the load; 0 before there is one"""


class Cleaned(msgspec.Struct, kw_only=True):
    """What became of it."""

    sale: str = "none"
    """none, deleted, kept"""
    keys: int = 0
    problems: list[str] = []


class GuardProcess:
    """The guard of this rehearsal, from the moment before there is anything to clean up."""

    def __init__(self, duty: Duty) -> None:
        self._duty = duty
        self.cleaned: Cleaned | None = None

    def __enter__(self) -> GuardProcess:
        # A session of its own: Ctrl-C in the terminal is for the rehearsal.
        self._process = subprocess.Popen(
            [sys.executable, "-m", __spec__.name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        self._tell()
        return self

    def watch(self, process_group: int) -> None:
        """Has the load ended, too."""
        self._duty.load = process_group
        self._tell()

    def __exit__(self, *_: object) -> None:
        """Waits until all is cleaned up."""
        process = self._process
        if process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()
        told = b""
        if process.stdout is not None:
            told = process.stdout.read()
            process.stdout.close()
        process.wait()
        try:
            self.cleaned = msgspec.json.decode(told, type=Cleaned)
        except msgspec.MsgspecError:
            self.cleaned = Cleaned(problems=["what was to clean up the rehearsal has failed"])

    def _tell(self) -> None:
        if self._process.stdin is not None:
            self._process.stdin.write(msgspec.json.encode(self._duty) + b"\n")
            self._process.stdin.flush()


def clean_up(duty: Duty) -> Cleaned:
    """Ends the load, then deletes the sale, then revokes the keys that were made for it."""
    cleaned = Cleaned()
    end_group(duty.load)
    api = SaleApi(duty.url, duty.key)
    for step in (partial(_end_sale, api, duty, cleaned), partial(_revoke_keys, duty, cleaned)):
        try:
            step()
        except (ApiFault, OSError, subprocess.SubprocessError, ValueError) as fault:
            cleaned.problems.append(str(fault))
    return cleaned


def end_group(group: int) -> None:
    """Ends the processes of a group: asked first, killed when they do not."""
    if group <= 0:
        return
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGTERM)
        until = time.monotonic() + END_SECONDS
        while time.monotonic() < until:
            os.killpg(group, 0)
            time.sleep(0.1)
        os.killpg(group, signal.SIGKILL)


def _end_sale(api: SaleApi, duty: Duty, cleaned: Cleaned) -> None:
    found = api.find(duty.sale)
    if found is None:
        return
    if not found.get("test"):
        cleaned.problems.append(f"{duty.sale} is no test sale: it was left alone")
    elif duty.keep:
        cleaned.sale = "kept"
    else:
        api.delete_with_orders(duty.sale)
        cleaned.sale = "deleted"


def _revoke_keys(duty: Duty, cleaned: Cleaned) -> None:
    if not duty.key_options:
        return
    for key in keys_command("list", "--json", options=duty.key_options):
        ours = key["name"] == duty.sale and key["sales"] == [duty.sale]
        if ours and key["revoked_at"] is None:
            run_keys("revoke", key["id"], options=duty.key_options)
            cleaned.keys += 1


def keys_command(*arguments: str, options: Sequence[str]) -> Any:
    """What a command of `holdfast keys` prints as JSON."""
    return json.loads(run_keys(*arguments, options=options))


def run_keys(*arguments: str, options: Sequence[str]) -> bytes:
    """The output of a command of `holdfast keys`; ValueError with what it says when it fails."""
    done = subprocess.run(
        [*HOLDFAST, "keys", *arguments, *options],
        capture_output=True,
        check=False,
        timeout=COMMAND_SECONDS,
    )
    if done.returncode:
        raise ValueError(f"holdfast keys: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout


def main() -> int:
    """The last line of the input is the whole duty; whatever ends the input, it is done then."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    duty = None
    for line in sys.stdin.buffer:
        duty = msgspec.json.decode(line, type=Duty)
    cleaned = Cleaned() if duty is None else clean_up(duty)
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.buffer.write(msgspec.json.encode(cleaned))
        sys.stdout.flush()
    return int(bool(cleaned.problems))


if __name__ == "__main__":
    sys.exit(main())
