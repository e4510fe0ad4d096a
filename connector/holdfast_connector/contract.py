"""The names and bounds on which service and storefronts agree, each spelled once."""

from typing import Final

HANDOFF_PARAMETER: Final = "holdfast_token"

IDENTITY_PARAMETER: Final = "identity"
"""In a link to the waiting room: the identity that the shop has signed for the visitor."""

HANDOFF_TYPE: Final = "handoff+jwt"
PASS_TYPE: Final = "JWT"  # noqa: S105 (a media type, no secret)
MAX_TOKEN_CHARS: Final = 2_048
"""How long a hand-off or a pass may be."""
LEEWAY_SECONDS: Final = 5
"""By how much the clocks of service and shop may differ where a pass or hand-off is checked."""

MAX_IDENTITY_CHARS: Final = 1_024
"""How long a signed identity may be."""
MAX_IDENTITY_SECONDS: Final = 600
"""How long a signed identity may be good for."""
JWKS_PATH: Final = "/.well-known/jwks.json"

REDIRECT_HEADER: Final = "Holdfast-Redirect"
"""Where a script should send the browser, when it was refused for want of a session."""

COMMAND_HEADER: Final = "Waiting-Room-Command"
REVOKE: Final = "revoke"
"""A shop's response with `Waiting-Room-Command: revoke` ends the visitor's session."""

EDDSA: Final = "EdDSA"
HS256: Final = "HS256"
