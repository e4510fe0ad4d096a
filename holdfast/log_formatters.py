"""The lines of the log: as text, or each as one JSON object, which keeps several lines in one.

A line that a request has caused carries the request's id.
"""

import logging
import os
import time
from typing import Final

import msgspec

from holdfast_web.request.current_request import current_request_id
from holdfast_web.timestamps import timestamp

LOG_FORMATS: Final = ("text", "json")
_TEXT: Final = "%(asctime)s %(levelname)s %(process)d %(name)s%(request)s: %(message)s"
_encode: Final = msgspec.json.Encoder().encode


def json_line(message: str, *, level: str, logger: str, at: float | None = None) -> str:
    """A line of the log as JSON; `at` in Unix seconds, now unless given."""
    members = {
        "time": timestamp(int(1000 * (time.time() if at is None else at))),
        "level": level,
        "logger": logger,
        "process": os.getpid(),
        "message": message,
    }
    request_id = current_request_id.get()
    if request_id is not None:
        members["request_id"] = request_id
    return _encode(members).decode()


class JsonFormatter(logging.Formatter):
    """Formats records as JSON objects with time, level, logger, process, message, request_id."""

    def format(self, record: logging.LogRecord) -> str:
        message = record.getMessage()
        if record.exc_info:
            message = f"{message}\n{self.formatException(record.exc_info)}"
        return json_line(
            message, level=record.levelname.lower(), logger=record.name, at=record.created
        )


class TextFormatter(logging.Formatter):
    """Formats records as text; `request=<id>` stands before the message."""

    def __init__(self) -> None:
        super().__init__(_TEXT)

    def formatMessage(self, record: logging.LogRecord) -> str:
        request_id = current_request_id.get()
        record.request = "" if request_id is None else f" request={request_id}"
        return super().formatMessage(record)


def make_formatter(log_format: str) -> logging.Formatter:
    """The formatter of one of LOG_FORMATS."""
    return JsonFormatter() if log_format == "json" else TextFormatter()
