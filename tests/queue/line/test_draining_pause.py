import pytest
from support.line.harness import Line

from holdfast_lua.calls.codes import Code


@pytest.mark.parametrize(
    ("operations", "code"),
    [
        (("drain", "pause"), Code.DRAINING),
        (("drain", "pause", "pause"), Code.DRAINING),
        (("drain", "pause", "resume"), Code.DRAINING),
        (("drain", "pause", "open"), Code.JOINED_LINE),
        (("drain", "open", "pause"), Code.JOINED_LINE),
        (("pause",), Code.JOINED_LINE),
    ],
)
async def test_drained_line_takes_nobody_while_paused(
    line: Line, operations: tuple[str, ...], code: Code
) -> None:
    for operation in operations:
        await line.calls.change_lifecycle(line.ref, operation)
    assert (await line.join()).code is code
