"""Reads request bodies, bounded in bytes, in time and in shape.

The body is read by a loop of ours instead of `request.json()`: the limit differs by endpoint (16
KiB, plans 32 MiB), and a body that arrives slowly must not hold a connection. None is decompressed
(see server.connection). msgspec validates while it parses; a struct must forbid unknown fields, so
that a misspelt setting is a 400 that names it instead of being ignored. All text in a body follows
one rule (see text).

The `Content-Type` is not looked at: every request that sets a cookie has its origin checked (see
origins), so nothing depends on it.
"""

import asyncio
import re
from functools import cache
from typing import Final, TypeVar

import msgspec
from aiohttp import web

from holdfast_web.errors import ErrorCode, HoldfastError, invalid
from holdfast_web.request.text import cleaned, is_plain, without_bom

BODY_LIMIT_BYTES: Final = 16 * 1024
BODY_SECONDS: Final = 5.0
PLAN_LIMIT_BYTES: Final = 32 * 1024 * 1024
PLAN_SECONDS: Final = 60.0

GIVEN_BODY: Final = web.RequestKey("given_body", bytes)
"""The body of a call within the process, which comes from no connection."""

T = TypeVar("T", bound=msgspec.Struct)
V = TypeVar("V")

_members: Final = msgspec.json.Decoder(dict[str, object])

# msgspec says "... - at `$.areas[0].capacity`" for a value and "... unknown field `foo`" / "...
# required field `foo`" for a name, with the path of the object around it.
_PATH: Final = re.compile(r" - at `(?:key in )?\$\.?(?P<path>[^`]*)`\Z")
_NAME: Final = re.compile(r"(?:unknown|required) field `(?P<name>[^`]+)`")


async def read_json(
    request: web.Request,
    shape: type[T],
    *,
    default: T | None = None,
    limit: int = BODY_LIMIT_BYTES,
    seconds: float = BODY_SECONDS,
) -> T:
    """The body as a `shape`, or `default` when it is empty; raises HoldfastError."""
    body = await read_bytes(request, limit=limit, seconds=seconds)
    if not body and default is not None:
        return default
    return decode_json(body, shape)


async def read_members(request: web.Request) -> dict[str, object]:
    """The body as a JSON object of any members, whose text the caller has to clean."""
    body = await read_bytes(request, limit=BODY_LIMIT_BYTES, seconds=BODY_SECONDS)
    return _decoded(_members, body)


def decode_json(body: bytes | bytearray, shape: type[T]) -> T:
    """`body` validated against `shape`, or 400 `invalid_request` naming the field."""
    decoder = _decoder(shape)
    decoded: T = _decoded(decoder, body)
    if is_plain(body):
        return decoded
    clean = cleaned(decoded)
    # Text may have another length in its normal form.
    if clean is not decoded:
        decoded = _decoded(decoder, msgspec.json.encode(clean))
    return decoded


def _decoded(decoder: msgspec.json.Decoder[V], body: bytes | bytearray) -> V:
    try:
        return decoder.decode(without_bom(body))
    except msgspec.ValidationError as exc:
        raise _field_error(str(exc)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise HoldfastError(
            ErrorCode.INVALID_REQUEST, f"The body is not valid JSON: {exc}", field="body"
        ) from None


async def read_bytes(request: web.Request, *, limit: int, seconds: float) -> bytearray:
    """The whole body, at most `limit` bytes within `seconds`; raises HoldfastError."""
    given = request.get(GIVEN_BODY)
    if len(given or b"") > limit or (request.content_length or 0) > limit:
        raise HoldfastError(ErrorCode.BODY_TOO_LARGE)
    body = bytearray(given or b"")
    if given is not None:
        return body
    if not request.body_exists:
        return body
    if request.content.is_eof():  # it arrived with the head, as small ones do
        body += request.content.read_nowait()
        if len(body) > limit:
            raise HoldfastError(ErrorCode.BODY_TOO_LARGE)
        return body
    try:
        async with asyncio.timeout(seconds):
            async for chunk in request.content.iter_any():
                body += chunk
                if len(body) > limit:
                    raise HoldfastError(ErrorCode.BODY_TOO_LARGE)
    except (TimeoutError, ConnectionError):  # ConnectionError: the client is gone
        raise HoldfastError(ErrorCode.REQUEST_TIMEOUT) from None
    except web.RequestPayloadError:  # not as its Transfer-Encoding says
        raise invalid("body", "The body cannot be decoded.") from None
    return body


@cache
def _decoder(shape: type[T]) -> msgspec.json.Decoder[T]:
    if not shape.__struct_config__.forbid_unknown_fields:
        raise TypeError(f"{shape.__name__} must be declared with forbid_unknown_fields=True")
    return msgspec.json.Decoder(shape)


def _field_error(message: str) -> HoldfastError:
    path = _PATH.search(message)
    name = _NAME.search(message)
    parts = [path["path"] if path else "", name["name"] if name else ""]
    field = ".".join(part for part in parts if part) or "body"
    text = _PATH.sub("", message)
    return HoldfastError(ErrorCode.INVALID_REQUEST, f"{field}: {text}", field=field)
