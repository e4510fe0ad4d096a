"""An OpenID Connect issuer: one person, whose claims and whose signature a test may change."""

import base64
import hashlib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final
from urllib.parse import urlencode

import jwt
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import rsa

CLIENT_ID: Final = "holdfast"
CLIENT_SECRET: Final = "client-secret-of-the-tests"
KEY_ID: Final = "k1"


@cache
def _private_key(name: str) -> rsa.RSAPrivateKey:
    """Made when it is asked for: that takes a part of a second."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@dataclass
class Issuer:
    """What it says of the person, and how it signs."""

    url: str = ""
    claims: dict[str, Any] = field(default_factory=dict)
    """in place of the right ones"""
    signs: str = "right"
    """`right`, `other` (another key), `secret` (HS256 with the client's secret) or `none`"""
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    exchanged: list[dict[str, str]] = field(default_factory=list)
    refused: int = 0

    def id_token(self, nonce: str) -> str:
        now = int(time.time())
        claims = {
            "iss": self.url,
            "aud": CLIENT_ID,
            "sub": "u-1",
            "name": "Ann <b>",
            "groups": ["staff", "operators"],
            "nonce": nonce,
            "iat": now,
            "exp": now + 60,
            **self.claims,
        }
        headers = {"kid": KEY_ID}
        if self.signs == "none":
            return jwt.encode(claims, "", algorithm="none", headers=headers)
        if self.signs == "secret":
            return jwt.encode(claims, CLIENT_SECRET * 2, algorithm="HS256", headers=headers)
        return jwt.encode(claims, _private_key(self.signs), algorithm="RS256", headers=headers)

    async def metadata(self, _request: web.Request) -> web.Response:
        return web.json_response(
            {
                "issuer": self.url,
                "authorization_endpoint": f"{self.url}/authorize",
                "token_endpoint": f"{self.url}/token",
                "jwks_uri": f"{self.url}/jwks",
            }
        )

    async def jwks(self, _request: web.Request) -> web.Response:
        key = jwt.algorithms.RSAAlgorithm.to_jwk(_private_key("right").public_key(), as_dict=True)
        return web.json_response({"keys": [{**key, "kid": KEY_ID, "use": "sig", "alg": "RS256"}]})

    async def authorize(self, request: web.Request) -> web.Response:
        """The person agrees at once."""
        asked = dict(request.query)
        code = f"code-{len(self.codes)}"
        self.codes[code] = asked
        back = urlencode({"code": code, "state": asked["state"]})
        raise web.HTTPFound(f"{asked['redirect_uri']}?{back}")

    async def token(self, request: web.Request) -> web.Response:
        """Exchanges a code once, for the client with the PKCE verifier."""
        form = {name: str(value) for name, value in (await request.post()).items()}
        asked = self.codes.pop(form.get("code", ""), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        basic = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
        right = (
            asked is not None
            and asked["code_challenge_method"] == "S256"
            and asked["code_challenge"] == challenge
            and asked["redirect_uri"] == form.get("redirect_uri")
            and request.headers.get("Authorization") == f"Basic {basic}"
        )
        if asked is None or not right:
            self.refused += 1
            return web.json_response({"error": "invalid_grant"}, status=400)
        self.exchanged.append(form)
        token = {
            "access_token": "a",
            "token_type": "Bearer",
            "id_token": self.id_token(asked["nonce"]),
        }
        return web.json_response(token)


@asynccontextmanager
async def run_issuer() -> AsyncIterator[Issuer]:
    """Serves an issuer on a free port."""
    issuer = Issuer()
    app = web.Application()
    app.router.add_get("/.well-known/openid-configuration", issuer.metadata)
    app.router.add_get("/jwks", issuer.jwks)
    app.router.add_get("/authorize", issuer.authorize)
    app.router.add_post("/token", issuer.token)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    issuer.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield issuer
    finally:
        await runner.cleanup()
