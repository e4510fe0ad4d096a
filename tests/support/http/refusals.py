"""What a call is refused with."""

from collections.abc import Awaitable

import pytest

from holdfast_web.errors import HoldfastError


async def refusal_of(call: Awaitable[object]) -> HoldfastError:
    """The error that the call ends with; fails when there is none."""
    with pytest.raises(HoldfastError) as refusal:
        await call
    return refusal.value
