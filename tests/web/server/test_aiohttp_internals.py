"""What is relied on of aiohttp beyond its documented interface, by name.

How these names have to behave is told by test_connection.py and test_ready.py.
"""

import ast
import inspect
import tomllib
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.http_writer import _serialize_headers
from aiohttp.web_protocol import RequestHandler
from multidict import CIMultiDict

from holdfast_web.server.connection import Connection
from holdfast_web.server.ready import Ready
from holdfast_web.server.request_loop import RequestLoop
from holdfast_web.server.site import BoundedSite

ROOT = Path(__file__).parents[3]
PRIVATE = {
    Connection: {
        "_close",
        "_force_close",
        "_loop",
        "_messages",
        "_next_keepalive_close_time",
        "_paused",
        "_request_count",
        "_request_in_progress",
        "_upgraded",
    },
    RequestLoop: {
        "_buffer_paused",
        "_close",
        "_force_close",
        "_handle_request",
        "_keepalive",
        "_keepalive_handle",
        "_keepalive_timeout",
        "_loop",
        "_manager",
        "_messages",
        "_msg_queue_resume_size",
        "_next_keepalive_close_time",
        "_parser",
        "_process_keepalive",
        "_reading_paused",
        "_request_factory",
        "_request_handler",
        "_resume_reading_if_drained",
        "_task_handler",
        "_waiter",
    },
    Ready: {
        "_body",
        "_chunked",
        "_compression",
        "_cookies",
        "_eof_sent",
        "_headers",
        "_keep_alive",
        "_must_be_empty_body",
        "_payload_writer",
        "_reason",
        "_status",
    },
    BoundedSite: {"_backlog", "_runner", "_sock"},
}
"""The private names of its base class that each class uses."""

OVERRIDDEN = {
    Connection: {"finish_response", "handle_error", "log_exception"},
    RequestLoop: {"data_received", "resume_reading", "start"},
    Ready: {"prepare", "write_eof"},
    BoundedSite: {"start"},
}
"""What aiohttp calls, and each class does in another way."""

BASES: dict[type, type] = {
    Connection: RequestHandler,
    RequestLoop: RequestHandler,
    Ready: web.Response,
    BoundedSite: web.SockSite,
}


def private_names(kind: type) -> set[str]:
    """The private names that the class's source uses on itself and does not define."""
    tree = ast.parse(inspect.getsource(kind))
    used = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "self"
        and node.attr.startswith("_")
    }
    return used - set(vars(kind)) - set(vars(kind).get("__slots__", ()))


def test_version_of_aiohttp_is_bounded_above() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    (bound,) = (one for one in project["dependencies"] if one.startswith("aiohttp"))
    assert "<3." in bound


@pytest.mark.parametrize("kind", PRIVATE)
def test_private_names_in_use_are_those_of_the_list(kind: type) -> None:
    assert private_names(kind) == PRIVATE[kind]


@pytest.mark.parametrize("kind", PRIVATE)
def test_private_names_of_the_list_are_aiohttps(kind: type) -> None:
    source = "".join(
        inspect.getsource(base) for base in BASES[kind].__mro__ if base.__module__[:7] == "aiohttp"
    )
    assert [name for name in sorted(PRIVATE[kind]) if f"self.{name}" not in source] == []


@pytest.mark.parametrize("kind", OVERRIDDEN)
def test_overridden_methods_take_what_aiohttp_gives_them(kind: type) -> None:
    for name in OVERRIDDEN[kind]:
        ours, theirs = getattr(kind, name), getattr(BASES[kind], name)
        parameters = inspect.signature(ours).parameters.values()
        if not any(one.kind is inspect.Parameter.VAR_POSITIONAL for one in parameters):
            assert list(inspect.signature(theirs).parameters) == [one.name for one in parameters]


def test_head_of_a_response_is_written_and_checked_by_aiohttp() -> None:
    assert _serialize_headers("HTTP/1.1 200 OK", CIMultiDict({"A": "b"})) == (
        b"HTTP/1.1 200 OK\r\nA: b\r\n\r\n"
    )
    with pytest.raises(ValueError, match="header"):
        _serialize_headers("HTTP/1.1 200 OK", CIMultiDict({"A": "b\r\nSet-Cookie: c=d"}))
