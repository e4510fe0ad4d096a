import time

import jwt
import pytest

from holdfast_queue.tokens.identities import Identity, IdentityVerifier
from holdfast_web.keyring import Keyring, Purpose


@pytest.mark.parametrize(
    ("subject", "identity"),
    [
        ("\u4f60\u597d", Identity("\u4f60\u597d")),
        ("\U0001f39f", Identity("\U0001f39f")),
        ("half \ud83c", None),
        ("\udf9f", None),
    ],
)
def test_identity_is_text(subject: str, identity: Identity | None) -> None:
    verifier = IdentityVerifier(Keyring("s" * 40).keys(Purpose.IDENTITY))
    kid, key = verifier.key_of("uid")
    now_s = int(time.time())
    claims = {"aud": "gala", "sub": subject, "iat": now_s, "exp": now_s + 60}
    token = jwt.encode(claims, key, "HS256", {"kid": kid})
    assert verifier.read(token, "gala", "uid", now_s * 1000) == identity
