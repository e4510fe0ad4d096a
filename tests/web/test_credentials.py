from dataclasses import dataclass

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from multidict import CIMultiDict, CIMultiDictProxy
from support.http.refusals import refusal_of

from holdfast_web.credentials import (
    API_KEYS,
    MAX_TOKEN_CHARS,
    PASS_VERIFIER,
    ApiKey,
    PassClaims,
    Role,
    buyer,
    require_pass,
    require_role,
)
from holdfast_web.errors import ErrorCode

PASS = "head.body.signature"
CLAIMS = PassClaims("concert", "u1", "p1", "subject-1", 2_000_000_000)
KEYS = {f"{role.name.lower()}-key": ApiKey(f"k{role}", role, role.name) for role in Role}


async def _lookup(digest: str) -> ApiKey | None:
    return KEYS.get(digest)


@dataclass(frozen=True)
class Sale:
    name: str
    uid: str = "u1"


CONCERT = Sale("concert")


def _verify(token: str, sale: str, uid: str | None) -> PassClaims | None:
    right = (token, sale) == (PASS, CLAIMS.sale) and uid in (None, CLAIMS.uid)
    return CLAIMS if right else None


def _request(authorization: str | None) -> web.Request:
    app = web.Application()
    app[API_KEYS] = _lookup
    app[PASS_VERIFIER] = _verify
    request = make_mocked_request("GET", "/", app=app)
    if authorization is not None:
        # Given to make_mocked_request it would be encoded, and bytes that are no text cannot be.
        request._headers = CIMultiDictProxy(CIMultiDict(Authorization=authorization))
    return request


async def test_role_includes_the_roles_below_it() -> None:
    for held in Role:
        request = _request(f"Bearer {held.name.lower()}-key")
        for wanted in Role:
            if held >= wanted:
                assert (await require_role(request, wanted)).role is held
                continue
            assert (await refusal_of(require_role(request, wanted))).code is ErrorCode.FORBIDDEN


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer ", "Bearer wrong", "Basic operator-key", "operator-key",
     f"Bearer {PASS}", "Bearer " + "x" * (MAX_TOKEN_CHARS + 1), "Bearer \udcff\udcfe"],
)  # fmt: skip
async def test_without_a_known_key_it_is_401(authorization: str | None) -> None:
    refusal = await refusal_of(require_role(_request(authorization), Role.VIEWER))
    assert refusal.code is ErrorCode.UNAUTHORIZED


async def test_scheme_is_case_insensitive() -> None:
    assert (await require_role(_request("bearer viewer-key"), Role.VIEWER)).id == "k1"


async def test_pass_buys_for_its_subject_and_nobody_else() -> None:
    request = _request(f"Bearer {PASS}")
    assert (await buyer(request, CONCERT)).id == "subject-1"
    assert (await buyer(request, CONCERT, "subject-1")).claims == CLAIMS
    assert (await refusal_of(buyer(request, CONCERT, "somebody"))).code is ErrorCode.NOT_OWNER


async def test_forged_pass_is_verified_once_and_a_key_with_dots_is_still_a_key() -> None:
    """Given a pass of nobody, and an operator's key that looks like one."""
    verified: list[str] = []

    def verify(token: str, _sale: str, _uid: str | None) -> None:
        verified.append(token)

    request = _request("Bearer for.ged.pass")
    request.app[PASS_VERIFIER] = verify
    assert (await refusal_of(buyer(request, CONCERT))).code is ErrorCode.UNAUTHORIZED
    assert verified == ["for.ged.pass"]
    KEYS["an.operators.key"] = ApiKey("k", Role.OPERATOR, "dots")
    try:
        named = await buyer(_request("Bearer an.operators.key"), CONCERT, "bea")
    finally:
        del KEYS["an.operators.key"]
    assert named.id == "bea"


async def test_pass_is_worth_nothing_in_another_sale() -> None:
    request = _request(f"Bearer {PASS}")
    assert await require_pass(request, CONCERT) == CLAIMS
    assert (await refusal_of(require_pass(request, Sale("match")))).code is ErrorCode.UNAUTHORIZED
    assert (await refusal_of(buyer(request, Sale("match")))).code is ErrorCode.UNAUTHORIZED


@pytest.mark.parametrize(
    ("authorization", "code"),
    [
        ("Bearer operator-key", ErrorCode.FORBIDDEN),
        ("Bearer wrong", ErrorCode.UNAUTHORIZED),
        ("Bearer a.b.c", ErrorCode.UNAUTHORIZED),
        (None, ErrorCode.UNAUTHORIZED),
    ],
)
async def test_key_where_a_pass_is_needed_is_403(
    authorization: str | None, code: ErrorCode
) -> None:
    assert (await refusal_of(require_pass(_request(authorization), CONCERT))).code is code


async def test_platform_key_buys_for_whom_it_names() -> None:
    request = _request("Bearer platform-key")
    found = await buyer(request, CONCERT, "customer 7")
    assert (found.id, found.claims) == ("customer 7", None)
    assert found.key is not None
    assert found.key.role is Role.PLATFORM


@pytest.mark.parametrize("named", [None, "", "x" * 129])
async def test_platform_key_must_name_a_buyer(named: str | None) -> None:
    refusal = await refusal_of(buyer(_request("Bearer platform-key"), CONCERT, named))
    assert refusal.members == {"field": "buyer"}


async def test_viewer_key_buys_for_nobody() -> None:
    refusal = await refusal_of(buyer(_request("Bearer viewer-key"), CONCERT, "customer 7"))
    assert refusal.code is ErrorCode.FORBIDDEN
