"""The simulator's numbers are those of the service."""

from __future__ import annotations

import pytest

from holdfast_lua.calls import constants, inventory
from holdfast_simulator.rules import constants as simulated

SERVICE = {**vars(constants), "EXPIRE_MAX": inventory.EXPIRE_MAX}


@pytest.mark.parametrize("name", [name for name in vars(simulated) if name.isupper()])
def test_number_is_that_of_the_service(name: str) -> None:
    assert getattr(simulated, name) == SERVICE[name]
