"""Issuers of passes and hand-offs as a service of one secret or several has them."""

from holdfast_connector.contract import EDDSA
from holdfast_queue.tokens.passes import Pass, PassIssuer, make_pass_issuer
from holdfast_queue.tokens.signer import Signer, signing_key
from holdfast_web.keyring import Keyring, Purpose

ISSUER = "https://wait.example"
SHOP = "https://shop.example"
NOW_MS = 1_800_000_000_500
ADMITTED = Pass("gala", "uid1", 2, "pass-1", "buyer-1", NOW_MS + 900_000)
SECRET, OTHER = "s" * 40, "t" * 40


def signer(
    secret: str = SECRET, *previous: str, purpose: Purpose = Purpose.PASS, algorithm: str = EDDSA
) -> Signer:
    keys = Keyring(secret, previous).keys(purpose)
    return Signer(ISSUER, [signing_key(key, algorithm) for key in keys])


def pass_issuer(
    secret: str = SECRET, *previous: str, algorithm: str = EDDSA, issuer: str = ISSUER
) -> PassIssuer:
    return make_pass_issuer(issuer, Keyring(secret, previous), algorithm)
