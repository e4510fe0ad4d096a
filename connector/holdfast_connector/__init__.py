"""Puts a storefront behind a Holdfast waiting room.

`Settings` says who the shop is; `holdfast_connector.asgi`, `.wsgi` and `.aiohttp` put the gate in
front of it, `.auth_request` does it for nginx. `Verifier` checks hand-offs and passes offline for
those who build their own.

    Exception
    +-- Refused             a token is not taken; `fault` says why
    +-- KeysUnavailable     there are no keys to check it with
    +-- ServiceUnavailable  the service did not answer

The package is installed alone: it imports nothing else of the project, only PyJWT and, in the one
module that is for it, the shop's own framework.
"""

from holdfast_connector.gate import Admit, Answer, Decision, Gate
from holdfast_connector.origins import is_on, origin_of, parse_origin
from holdfast_connector.service import ServiceUnavailable
from holdfast_connector.settings import Mode, Settings, WhenUnavailable
from holdfast_connector.tokens.identity import IdentitySigner, identity_cookie
from holdfast_connector.tokens.keys import KeysUnavailable, PublishedKeys, SharedKeys
from holdfast_connector.tokens.sessions import Session
from holdfast_connector.tokens.verifier import Fault, Handoff, Refused, VerifiedPass, Verifier
from holdfast_connector.visits import Visit

__all__ = [
    "Admit",
    "Answer",
    "Decision",
    "Fault",
    "Gate",
    "Handoff",
    "IdentitySigner",
    "KeysUnavailable",
    "Mode",
    "PublishedKeys",
    "Refused",
    "ServiceUnavailable",
    "Session",
    "Settings",
    "SharedKeys",
    "VerifiedPass",
    "Verifier",
    "Visit",
    "WhenUnavailable",
    "identity_cookie",
    "is_on",
    "origin_of",
    "parse_origin",
]
