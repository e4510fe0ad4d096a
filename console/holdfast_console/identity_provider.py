"""Signing in by an identity provider: OpenID Connect, authorization code with PKCE.

Authlib makes the requests to the provider; PyJWT verifies what it signed. Both are imported when a
provider is asked, so that they need not be installed otherwise (extra `oidc`).

Invariants: a code counts only together with the sealed request that the browser brings back, which
has state, nonce and the PKCE verifier and lives ten minutes; an ID token counts only when it is
signed by a key of the issuer with an asymmetric algorithm, and issuer, audience, nonce and times
are right. Who is in none of the groups that have a role gets no session.
"""

import asyncio
import hmac
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import jwt
import msgspec

from holdfast_console.sessions import Person, unix_seconds

SCOPE: Final = "openid profile email"
ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA")
PENDING_SECONDS: Final = 600
METADATA_SECONDS: Final = 3600.0
KEYS_SECONDS: Final = 60.0
REQUEST_SECONDS: Final = 10.0
LEEWAY_SECONDS: Final = 30
MAX_NAME_CHARS: Final = 100
MAX_SUBJECT_CHARS: Final = 255


class SignInRefused(Exception):
    """The provider, or what it signed, does not let somebody in; the text is for the log."""


@dataclass(frozen=True, slots=True)
class ProviderSettings:
    """Where the provider is, as whom this service asks it, and which groups have which role."""

    issuer: str
    client_id: str
    client_secret: str | None = field(repr=False)
    redirect_uri: str
    groups_claim: str
    roles: Mapping[str, int]


class PendingSignIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the browser brings back with the code, sealed."""

    state: str
    nonce: str
    verifier: str
    next: str
    began_at: int


class IdentityProvider:
    """One provider of identities."""

    def __init__(self, settings: ProviderSettings) -> None:
        self.settings = settings
        self._metadata: tuple[float, Mapping[str, Any]] | None = None
        self._keys: tuple[float, jwt.PyJWKSet] | None = None

    async def begin(self, next_path: str) -> tuple[str, PendingSignIn]:
        """The address that the browser goes to, and what it has to bring back."""
        pending = PendingSignIn(
            secrets.token_urlsafe(24),
            secrets.token_urlsafe(24),
            secrets.token_urlsafe(48),
            next_path,
            unix_seconds(),
        )
        metadata = await self._read_metadata()
        async with self._client() as client:
            url, _ = client.create_authorization_url(
                metadata["authorization_endpoint"],
                state=pending.state,
                nonce=pending.nonce,
                code_verifier=pending.verifier,
            )
        return str(url), pending

    async def finish(self, pending: PendingSignIn, state: str, code: str) -> Person:
        """The person whom the code stands for; raises SignInRefused."""
        if not hmac.compare_digest(state.encode(errors="replace"), pending.state.encode()):
            raise SignInRefused("another state came back than was sent")
        if not -LEEWAY_SECONDS <= unix_seconds() - pending.began_at < PENDING_SECONDS:
            raise SignInRefused("the sign-in took too long")
        from authlib.integrations.base_client import OAuthError  # type: ignore[import-untyped]
        from httpx2 import HTTPError

        metadata = await self._read_metadata()
        try:
            async with asyncio.timeout(REQUEST_SECONDS), self._client() as client:
                token = await client.fetch_token(
                    metadata["token_endpoint"], code=code, code_verifier=pending.verifier
                )
        except (OAuthError, HTTPError, TimeoutError, ValueError) as exc:
            raise SignInRefused(f"the code was not exchanged: {type(exc).__name__}") from None
        claims = await self._verified(str(token.get("id_token", "")), pending.nonce)
        return self._person(claims)

    async def _verified(self, token: str, nonce: str) -> Mapping[str, Any]:
        try:
            header = jwt.get_unverified_header(token)
            key = await self._key(str(header.get("kid", "")))
            claims: Mapping[str, Any] = jwt.decode(
                token,
                key,
                algorithms=list(ALGORITHMS),
                audience=self.settings.client_id,
                issuer=self.settings.issuer,
                leeway=LEEWAY_SECONDS,
                options={"require": ["exp", "iat", "iss", "aud", "sub"]},
            )
        except jwt.PyJWTError as exc:
            raise SignInRefused(f"the ID token is not valid: {type(exc).__name__}") from None
        if not hmac.compare_digest(str(claims.get("nonce", "")).encode(), nonce.encode()):
            raise SignInRefused("the ID token is of another sign-in")
        if claims.get("azp", self.settings.client_id) != self.settings.client_id:
            raise SignInRefused("the ID token was issued to another client")
        return claims

    def _person(self, claims: Mapping[str, Any]) -> Person:
        """The person, with the highest role that one of their groups has."""
        told = claims.get(self.settings.groups_claim)
        groups = [str(one) for one in (told if isinstance(told, list) else [told])]
        roles = [self.settings.roles[one] for one in groups if one in self.settings.roles]
        if not roles:
            raise SignInRefused("none of the person's groups has a role")
        subject = str(claims["sub"])
        if len(subject) > MAX_SUBJECT_CHARS:
            raise SignInRefused("the subject is longer than OpenID Connect has them")
        name = claims.get("name") or claims.get("email") or claims["sub"]
        return Person(subject, str(name)[:MAX_NAME_CHARS], max(roles))

    async def _key(self, kid: str) -> jwt.PyJWK:
        """The key of the issuer; one that is not known yet is looked for once in `KEYS_SECONDS`."""
        now = time.monotonic()
        known = self._keys
        if known is None or (
            kid not in {key.key_id for key in known[1].keys} and now >= known[0] + KEYS_SECONDS
        ):
            document = await _fetch(str((await self._read_metadata())["jwks_uri"]))
            self._keys = known = (now, jwt.PyJWKSet.from_dict(dict(document)))
        usable = [key for key in known[1].keys if key.key_id == kid]
        if len(usable) != 1:
            raise SignInRefused("the ID token names no key of the issuer")
        return usable[0]

    async def _read_metadata(self) -> Mapping[str, Any]:
        now = time.monotonic()
        if self._metadata is None or now >= self._metadata[0] + METADATA_SECONDS:
            url = f"{self.settings.issuer.rstrip('/')}/.well-known/openid-configuration"
            document = await _fetch(url)
            if document.get("issuer") != self.settings.issuer:
                raise SignInRefused("the provider says that it is another issuer")
            self._metadata = (now, document)
        return self._metadata[1]

    def _client(self) -> Any:
        from authlib.integrations.httpx_client import (  # type: ignore[import-untyped]
            AsyncOAuth2Client,
        )

        return AsyncOAuth2Client(
            client_id=self.settings.client_id,
            client_secret=self.settings.client_secret,
            token_endpoint_auth_method=(
                "client_secret_basic" if self.settings.client_secret else "none"
            ),
            redirect_uri=self.settings.redirect_uri,
            scope=SCOPE,
            code_challenge_method="S256",
            timeout=REQUEST_SECONDS,
        )


async def _fetch(url: str) -> Mapping[str, Any]:
    """A JSON document of the provider; raises SignInRefused."""
    from httpx2 import AsyncClient, HTTPError

    try:
        async with AsyncClient(timeout=REQUEST_SECONDS) as client:
            answer = await client.get(url)
        answer.raise_for_status()
        return msgspec.json.decode(answer.content, type=dict[str, Any])
    except (HTTPError, msgspec.MsgspecError) as exc:
        raise SignInRefused(f"the provider does not answer: {type(exc).__name__}") from None
