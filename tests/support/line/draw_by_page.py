"""A verifier of draws as a stranger would write it: from docs/draw.md and the standard library.

It imports nothing of the service. Where it and the service differ, the page is wrong or incomplete.
"""

import hashlib
import math
from datetime import datetime
from typing import Any


def h(person: str, n: int, message: bytes, key: bytes = b"") -> bytes:
    return hashlib.blake2b(message, digest_size=n, person=person.encode(), key=key).digest()


def u64(value: int) -> bytes:
    return value.to_bytes(8, "big")


def i64(value: int) -> bytes:
    return value.to_bytes(8, "big", signed=True)


def optional(text: str | None) -> bytes:
    return b"\x00" if text is None else b"\x01" + text.encode("utf-8")


def milliseconds(time: str | None) -> int:
    if time is None:
        return 0
    whole, fraction = time.removesuffix("Z").split(".")
    assert len(fraction) == 3
    return int(datetime.fromisoformat(whole + "+00:00").timestamp()) * 1000 + int(fraction)


def commitment_of(draw: dict[str, Any]) -> bytes:
    secret = bytes.fromhex(draw["secret"])
    if draw["algorithm"] == "holdfast-draw-1":
        return h("hf-draw-commit", 32, secret)
    start = i64(milliseconds(draw["starts"][0]["start"]))
    return h("hf-draw-commit-2", 32, secret + start + optional(draw["beacon_source"]))


def key_of(draw: dict[str, Any]) -> bytes:
    message = u64(draw["entrants"]) + bytes.fromhex(draw["accumulator"]) + optional(draw["beacon"])
    secret = bytes.fromhex(draw["secret"])
    if draw["algorithm"] == "holdfast-draw-1":
        return h("hf-draw-key", 32, secret + message)
    return h("hf-draw-key-2", 32, secret + commitment_of(draw) + message)


def number_of(key: bytes, entrants: int, index: int) -> int:
    a = math.isqrt(entrants)
    a += a * a < entrants
    b = entrants // a
    b += a * b < entrants

    def f(t: int, v: int) -> int:
        return int.from_bytes(h("hf-draw-round", 8, bytes([t]) + u64(v), key), "big")

    place = index
    while True:
        r, c = place // b, place % b
        for t in range(0, 8, 2):
            r = (r + f(t, c)) % a
            c = (c + f(t + 1, r)) % b
        place = r * b + c
        if place < entrants:
            return place + 1


def fingerprint_of(numbers: list[int]) -> str:
    return h("hf-draw-order", 16, b"".join(map(u64, numbers))).hex()


def chained(accumulator: str, first: int, nonces: list[str]) -> str:
    parts = [len(nonce.encode()).to_bytes(2, "big") + nonce.encode() for nonce in nonces]
    digest = h("hf-draw-block", 20, b"".join(parts)).hex()
    text = f"{accumulator}:{first}:{len(nonces)}:{digest}"
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
