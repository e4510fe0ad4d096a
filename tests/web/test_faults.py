import asyncio
import logging

import pytest
import uvloop

from holdfast_web.faults import handle_loop_fault, log_fault

SECRET = "eyJhbGciOi"


def fail() -> None:
    """Raises a fault with a cause, a context and a group, which all repeat what they were given."""
    try:
        try:
            int(SECRET)
        except ValueError as error:
            raise KeyError(SECRET) from error
    except KeyError:
        raise ExceptionGroup(SECRET, [RuntimeError(SECRET)])  # noqa: B904 - its context


def test_a_fault_is_told_by_types_and_places(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(ExceptionGroup) as raised:
        fail()
    log_fault("request failed", raised.value)
    for told in ("ValueError", "KeyError", "ExceptionGroup", "RuntimeError", "in fail", __file__):
        assert told in caplog.text
    assert SECRET not in caplog.text


async def test_what_nobody_awaits_is_told_without_its_words(
    caplog: pytest.LogCaptureFixture,
) -> None:
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(handle_loop_fault)

    async def fail() -> None:
        raise ValueError(SECRET)

    task = asyncio.create_task(fail())
    await asyncio.wait({task})
    del task
    loop.call_soon(int, SECRET)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert caplog.text.count("builtins.ValueError") == 2
    assert SECRET not in caplog.text


def test_a_connection_that_breaks_is_no_fault(caplog: pytest.LogCaptureFixture) -> None:
    loop = uvloop.new_event_loop()
    with caplog.at_level(logging.DEBUG):
        handle_loop_fault(
            loop, {"message": "x", "exception": TimeoutError(), "transport": object()}
        )
        assert caplog.text == ""
        handle_loop_fault(loop, {"message": "x", "exception": TimeoutError()})
        assert "TimeoutError" in caplog.text
    loop.close()
