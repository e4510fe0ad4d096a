"""The names that the service and a storefront have agreed on, each spelled once."""

from typing import Final

HANDOFF_PARAMETER: Final = "holdfast_token"

IDENTITY_PARAMETER: Final = "identity"
"""In a link to the waiting room: who the shop says the visitor is, signed."""

HANDOFF_TYPE: Final = "handoff+jwt"
PASS_TYPE: Final = "JWT"  # noqa: S105 (a media type, no secret)
MAX_TOKEN_CHARS: Final = 2_048
JWKS_PATH: Final = "/.well-known/jwks.json"

REDIRECT_HEADER: Final = "Holdfast-Redirect"
"""Where a script should send the browser, when it was refused for want of a session."""

COMMAND_HEADER: Final = "Waiting-Room-Command"
REVOKE: Final = "revoke"
"""A shop's response with `Waiting-Room-Command: revoke` ends the visitor's session."""

EDDSA: Final = "EdDSA"
HS256: Final = "HS256"
