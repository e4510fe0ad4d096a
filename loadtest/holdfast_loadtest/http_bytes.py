"""HTTP/1.1 as bytes, for clients that must cost less than what they measure.

Of answers only as much is read as tells where they end. Only what our servers send is understood:
no chunked bodies, no interim answers, and a 304 or 204 has no body.
"""

from __future__ import annotations

from typing import Final

BODILESS: Final = (b"304", b"204")
MAX_HEAD_BYTES: Final = 16 * 1024


def end_of_answer(buffer: bytes) -> int | None:
    """Where the first answer in the buffer ends; None while it is incomplete."""
    head = buffer.find(b"\r\n\r\n")
    if head < 0:
        if len(buffer) > MAX_HEAD_BYTES:
            raise ValueError("an answer's head does not end")
        return None
    if buffer[9:12] in BODILESS:
        return head + 4
    lower = buffer[:head].lower()
    at = lower.find(b"content-length:")
    if at < 0:
        raise ValueError(f"an answer without Content-Length: {buffer[:head]!r}")
    line_end = lower.find(b"\r\n", at)
    length = int(lower[at + 15 : line_end if line_end > 0 else head])
    end = head + 4 + length
    return end if len(buffer) >= end else None


def request_bytes(
    method: str, path: str, host: str, headers: dict[str, str], body: bytes = b""
) -> bytes:
    """A request as it goes over the wire."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if body or method in {"POST", "PUT"}:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body
