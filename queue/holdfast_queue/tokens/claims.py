"""The claims of passes and hand-offs, as they are written and read.

Whoever vouches for a token - a signature, or the tag of a pass - its claims are read and checked
here. Time is the caller's, because sessions end by the sale's clock.
"""

from typing import Any

import msgspec

from holdfast_connector.contract import LEEWAY_SECONDS
from holdfast_web.channels import read_channels

encode_claims = msgspec.json.Encoder().encode


class TokenClaims(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What passes and hand-offs have in common. Times are Unix seconds."""

    iss: str
    """the service"""
    aud: str
    """for whom it is: a sale's name, or the origin of a shop"""
    sub: str
    """the buyer, opaque"""
    jti: str
    iat: int
    nbf: int
    exp: int
    uid: str
    """of the sale: another one may get its name later"""
    epoch: int = 0
    """of the sale: after a store loss the inventory tells an earlier pass from one of its own"""
    channels: Any = ()
    """a list of names, whatever may be in a token"""
    test: bool = False
    """of a test sale"""

    def hold_for(self, issuer: str, audience: str | None, now_ms: int) -> bool:
        """Whether they are of `issuer`, for `audience` (None: any), and in time."""
        return (
            self.iss == issuer
            and audience in (None, self.aud)
            and self.nbf * 1000 <= now_ms + LEEWAY_SECONDS * 1000
            and now_ms < self.exp * 1000
        )

    def channel_names(self) -> tuple[str, ...]:
        """The channels; none when the claim is not as this service writes it."""
        return (read_channels(self.channels) or ()) if self.channels else ()
