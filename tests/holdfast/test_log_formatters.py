import logging
import sys

import msgspec
import pytest

from holdfast.log_formatters import make_formatter
from holdfast_web.request.current_request import current_request_id


def line(log_format: str, message: str, *parts: object, failed: bool = False) -> str:
    try:
        raise ValueError("no such thing")
    except ValueError:
        info = sys.exc_info() if failed else None
    record = logging.LogRecord("holdfast.x", logging.WARNING, "x.py", 1, message, parts, info)
    record.created, record.msecs = 1_750_000_000.25, 250.0
    return make_formatter(log_format).format(record)


@pytest.mark.parametrize("request_id", [None, "r-7"])
def test_json_line_is_an_object_whatever_the_message_is(request_id: str | None) -> None:
    before = current_request_id.set(request_id)
    shown = line("json", "two\nlines of %s", '\u00e9"')
    current_request_id.reset(before)
    assert "\n" not in shown
    members = msgspec.json.decode(shown)
    assert members.pop("process") > 0
    assert members == {
        "time": "2025-06-15T15:06:40.250Z",
        "level": "warning",
        "logger": "holdfast.x",
        "message": 'two\nlines of \u00e9"',
        **({} if request_id is None else {"request_id": request_id}),
    }


def test_json_line_has_the_traceback_of_a_library() -> None:
    message = msgspec.json.decode(line("json", "failed", failed=True))["message"]
    assert message.startswith("failed\nTraceback")
    assert message.endswith("ValueError: no such thing")


def test_text_line_names_the_request_if_there_is_one() -> None:
    assert line("text", "soon").endswith(" holdfast.x: soon")
    before = current_request_id.set("r-7")
    assert line("text", "soon").endswith(" holdfast.x request=r-7: soon")
    current_request_id.reset(before)
