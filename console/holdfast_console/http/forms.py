"""Reads the query of a page and the fields of a form, bounded in bytes, number and time."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl

from aiohttp import BodyPartReader, web

from holdfast_web.errors import ErrorCode, HoldfastError, invalid
from holdfast_web.request.body import PLAN_LIMIT_BYTES, PLAN_SECONDS, read_bytes

FORM_BYTES: Final = 256 * 1024
"""of a form without files: a thousand seats to be blocked, or a logo"""
FORM_SECONDS: Final = 10.0
FIELDS_MAX: Final = 2000
_MULTIPART: Final = "multipart/form-data"


@dataclass(frozen=True, slots=True)
class PostedForm:
    """The fields of a form: the first value of each, all values of each, files."""

    first: Mapping[str, str] = field(default_factory=dict)
    every: Mapping[str, Sequence[str]] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)


def query_values(request: web.Request) -> dict[str, str]:
    """The parameters of a page's address, the first of each name."""
    pairs = parse_qsl(request.query_string, keep_blank_values=True, max_num_fields=FIELDS_MAX)
    return dict(reversed(pairs))


async def read_form(request: web.Request) -> PostedForm:
    """The form that was sent, with its files when it has any."""
    if request.content_type == _MULTIPART:
        return await _read_multipart(request)
    return await read_fields(request)


async def read_fields(request: web.Request) -> PostedForm:
    """The form that was sent, which has no files: all that is read of who is not signed in."""
    body = await read_bytes(request, limit=FORM_BYTES, seconds=FORM_SECONDS)
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=FIELDS_MAX)
    except ValueError:
        raise invalid("body", "The body is not a form.") from None
    return _form(pairs, {})


async def _read_multipart(request: web.Request) -> PostedForm:
    """A form with files, each part read up to what is left of `PLAN_LIMIT_BYTES`."""
    pairs: list[tuple[str, str]] = []
    files: dict[str, bytes] = {}
    left = PLAN_LIMIT_BYTES + FORM_BYTES
    try:
        async with asyncio.timeout(PLAN_SECONDS):
            async for part in await request.multipart():
                if not isinstance(part, BodyPartReader) or len(pairs) + len(files) >= FIELDS_MAX:
                    raise invalid("body", "The body is not a form.")
                content = bytearray()
                while chunk := await part.read_chunk():
                    content += chunk
                    if len(content) > left:
                        raise HoldfastError(ErrorCode.BODY_TOO_LARGE)
                left -= len(content)
                if part.filename is None:
                    pairs.append((part.name or "", content.decode()))
                else:
                    files[part.name or ""] = bytes(content)
    except TimeoutError:
        raise HoldfastError(ErrorCode.REQUEST_TIMEOUT) from None
    except ValueError:
        raise invalid("body", "The body is not a form.") from None
    return _form(pairs, files)


def _form(pairs: Sequence[tuple[str, str]], files: Mapping[str, bytes]) -> PostedForm:
    every: dict[str, list[str]] = {}
    for name, value in pairs:
        every.setdefault(name, []).append(value)
    return PostedForm({name: values[0] for name, values in every.items()}, every, files)
