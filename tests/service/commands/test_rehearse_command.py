"""`holdfast rehearse`: what it needs before it loads anything, and what stays when it is killed."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest
from support.api_client import Api, create, keys_command, make_key
from support.service.running import Service

from holdfast_loadtest.rehearse.guard import Cleaned, Duty, GuardProcess, clean_up
from holdfast_loadtest.sale_api import SaleApi

END_SECONDS = 30
PEOPLE = """
seed = 3
duration_seconds = 30
[users]
buyer = 1
[arrivals]
shape = "flash"
visitors = 30
seconds = 4
[sale]
areas = { floor = 9 }
[buyers]
look_seconds = { mean = 0.5 }
pay_seconds = { mean = 0.5 }
[thresholds]
waited_share = 0.0
"""
LOBBY = """shape = "lobby"
early_share = 0.7
lobby_seconds = 8"""
KILLED = """
import sys, time
from holdfast_loadtest.rehearse.guard import Duty, GuardProcess
import msgspec
with GuardProcess(msgspec.json.decode(sys.argv[1], type=Duty)) as guard:
    guard.watch(int(sys.argv[2]))
    print("ready", flush=True)
    time.sleep(60)
"""


def duty(service: Service, sale: str, **changes: object) -> Duty:
    values = {
        "url": service.url,
        "key": service.operator_key,
        "sale": sale,
        "key_options": ["--data-dir", str(service.data_dir)],
    }
    return Duty(**{**values, **changes})  # type: ignore[arg-type]  # as the tests give them


def live_keys(service: Service, name: str) -> int:
    keys = json.loads(keys_command(service, "list", "--json"))
    return sum(key["name"] == name and key["revoked_at"] is None for key in keys)


async def rehearsed(operator: Api, service: Service, name: str) -> None:
    """A test sale with an order, and a key for it alone."""
    await create(operator, name, test=True)
    hold = {"areas": [{"id": "floor", "quantity": 1}], "buyer": "ann"}
    held = await operator.hold(name, hold)
    assert (await operator.confirm(name, held.body)).status == 200
    keys_command(service, "create", name, "--role", "platform", "--sale", name)
    assert live_keys(service, name) == 1


async def until_gone(operator: Api, service: Service, name: str) -> None:
    until = time.monotonic() + END_SECONDS
    while (await operator.get(f"/v1/sales/{name}")).status != 404 or live_keys(service, name):
        assert time.monotonic() < until, "the test sale or its key is still there"
        await asyncio.sleep(0.2)


def started(*arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(arguments, stdout=subprocess.PIPE, start_new_session=True)


def ended(process: subprocess.Popen[bytes]) -> int:
    return process.wait(END_SECONDS)


async def test_whoever_kills_a_rehearsal_leaves_neither_sale_nor_key_nor_load(
    operator: Api, shared_service: Service, name: str
) -> None:
    await rehearsed(operator, shared_service, name)
    told = msgspec.json.encode(duty(shared_service, name)).decode()
    with started("sleep", "60") as load:
        with started(sys.executable, "-c", KILLED, told, str(load.pid)) as rehearsal:
            assert rehearsal.stdout is not None
            assert await asyncio.to_thread(rehearsal.stdout.readline) == b"ready\n"
            rehearsal.kill()
            assert ended(rehearsal) == -signal.SIGKILL
        assert await asyncio.to_thread(ended, load) == -signal.SIGTERM
    await until_gone(operator, shared_service, name)


async def test_guard_tells_what_it_has_cleaned_up(
    operator: Api, shared_service: Service, name: str
) -> None:
    await rehearsed(operator, shared_service, name)
    guard = GuardProcess(duty(shared_service, name))

    def leave() -> None:
        with guard:
            pass

    await asyncio.to_thread(leave)
    assert guard.cleaned == Cleaned(sale="deleted", keys=1)
    await until_gone(operator, shared_service, name)
    nothing = await asyncio.to_thread(clean_up, duty(shared_service, name))
    assert nothing == Cleaned(sale="none", keys=0)


async def test_sale_that_is_no_test_is_left_alone(
    operator: Api, shared_service: Service, name: str
) -> None:
    await create(operator, name)
    cleaned = await asyncio.to_thread(clean_up, duty(shared_service, name))
    assert cleaned.sale == "none"
    assert "no test sale" in cleaned.problems[0]
    await create(operator, f"{name}-t", test=True)
    kept = await asyncio.to_thread(clean_up, duty(shared_service, f"{name}-t", keep=True))
    assert kept == Cleaned(sale="kept")
    for sale in (name, f"{name}-t"):
        assert (await operator.get(f"/v1/sales/{sale}")).body["state"] == "open"


async def test_key_that_opens_more_than_the_test_sale_is_refused(
    operator: Api, shared_service: Service, name: str
) -> None:
    await create(operator, name)
    await create(operator, f"{name}-t", test=True)
    api = SaleApi(shared_service.url, shared_service.operator_key)
    limited = make_key(shared_service, "platform", "--sale", f"{name}-t")
    await asyncio.to_thread(api.require_limited, limited, f"{name}-t", name)
    wide = make_key(shared_service, "platform")
    with pytest.raises(ValueError, match="opens"):
        await asyncio.to_thread(api.require_limited, wide, f"{name}-t", name)


def command(service: Service, *arguments: str) -> list[str]:
    return [
        *(sys.executable, "-m", "holdfast", "rehearse", *arguments),
        *("--data-dir", str(service.data_dir)),
    ]


def test_service_elsewhere_is_loaded_only_by_who_names_it(shared_service: Service) -> None:
    far = ["--url", "https://wait.example"]
    environ = {**os.environ, "HOLDFAST_KEY": "hf_none"}
    for agreed in ([], ["--yes-load", "other.example"]):
        done = subprocess.run(
            command(shared_service, "gala", *far, *agreed),
            capture_output=True,
            text=True,
            env=environ,
            check=False,
        )
        assert done.returncode == 2
        assert "--yes-load wait.example" in done.stderr


def test_sale_that_is_not_there_is_no_verdict(shared_service: Service) -> None:
    done = subprocess.run(
        command(shared_service, "nowhere"), capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "There is no verdict: unknown_sale" in done.stderr


@pytest.mark.torture
@pytest.mark.parametrize("lobby", [False, True])
async def test_whole_rehearsal_compares_prediction_and_run_and_leaves_nothing(
    lobby: bool, operator: Api, shared_service: Service, name: str, tmp_path: Path
) -> None:
    way = {"queueing_method": "random"} if lobby else {}
    await create(operator, name, new_users_per_minute=300, burst=3, hold_seconds=5, **way)
    people, report = tmp_path / "people.toml", tmp_path / "report"
    people.write_text(PEOPLE.replace('shape = "flash"', LOBBY if lobby else 'shape = "flash"'))
    arguments = (name, "--scenario", str(people), "--report", str(report), "--json")
    done = await asyncio.to_thread(
        subprocess.run, command(shared_service, *arguments), capture_output=True, text=True
    )
    assert done.returncode in {0, 1}, done.stderr  # how near the prediction is, is not judged here
    result = json.loads(done.stdout)
    assert json.loads((report / "rehearsal.json").read_text()) == result
    assert result["run"]["verdict"]["ok"], result["run"]["verdict"]
    assert result["run"]["funnel"]["arrived"] == result["prediction"]["funnel"]["arrived"] == 30
    assert ("prequeue_start_time" in result["changed"]) is lobby
    assert result["run"]["sale"] == result["test_sale"] != name
    assert result["cleaned"] == {"sale": "deleted", "keys": 1, "problems": []}
    judged = [one for one in result["comparison"] if one["tolerance"] is not None]
    assert all(one["tolerance"] > 0.1 + one["chance"] - 1e-9 for one in judged)
    assert any(one["chance"] for one in judged), "thirty people do not come to the same twice"
    assert "by chance" in (report / "rehearsal.html").read_text()
    await until_gone(operator, shared_service, result["test_sale"])
    assert (await operator.get(f"/v1/sales/{name}")).body["counts"]["sold"] == 0
