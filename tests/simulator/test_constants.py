"""The simulator's numbers are those of the service."""

import re
from pathlib import Path

import pytest

from holdfast_lua.calls import constants, inventory
from holdfast_simulator.rules import constants as simulated

LUA = Path(__file__).resolve().parents[2] / "lua" / "holdfast_lua"
IN_SCRIPTS = {
    "SHARE_MEMORY": "include/line/calls.lua",
    "SWEEP_MAX": "scripts/line/advance_line.lua",
    "OUTSTANDING_FLOOR": "scripts/line/advance_line.lua",
    "OUTSTANDING_FACTOR": "scripts/line/advance_line.lua",
    "RETRY_SWEEP_MAX": "include/line/retries.lua",
    "STAYS_EVERY_MS": "include/line/measure_stays.lua",
    "STAYS_MEMORY_MIN": "include/line/measure_stays.lua",
    "SWEEP_BEFORE_MAX": "scripts/holds/hold_seats.lua",
}
NAMES = [name for name in vars(simulated) if name.isupper()]


@pytest.mark.parametrize("name", NAMES)
def test_number_is_that_of_the_service(name: str) -> None:
    assert getattr(simulated, name) == _of_the_service(name)


def _of_the_service(name: str) -> float:
    if name == "EXPIRE_MAX":
        return inventory.SWEEP_MAX
    if name not in IN_SCRIPTS:
        value: float = getattr(constants, name)
        return value
    text = (LUA / IN_SCRIPTS[name]).read_text()
    (found,) = re.findall(rf"local (?:\w+, )*{name}(?:, \w+)* = (\d+)", text)
    return int(found)
