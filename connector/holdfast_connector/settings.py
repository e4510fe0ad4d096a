"""The settings of a shop behind a waiting room, checked when the shop starts.

Nothing is derived from a `Host` header: a shop names its own origin, which is the audience of its
hand-offs.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from holdfast_connector.origins import parse_origin
from holdfast_connector.tokens.identity import Identify
from holdfast_connector.tokens.keys import SharedKeys

_SALE: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")

PathRule = str | re.Pattern[str]
"""A path and everything below it (`/checkout`), or a pattern that is searched in the path."""


class Mode(Enum):
    """How a hand-off becomes a session."""

    EXCHANGE = "exchange"
    """It is exchanged with the service, which grants it once over all of the shop's servers. The
    shop has the visitor's pass and can end the session. The default.
    """
    VERIFY = "verify"
    """It is verified offline and remembered, in this process, until it is over (a minute). No call
    to the service ever; no pass, so a session cannot be ended early there.
    """


class WhenUnavailable(Enum):
    """What happens to visitors while keys, or the service, are unavailable."""

    CLOSED = "closed"
    """Nobody is admitted without a session: 503 and `Retry-After`. The default."""
    OPEN = "open"
    """Everybody is admitted, for shops that prefer overload to a closed shop."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The settings of one shop for one sale."""

    service_url: str
    """Where browsers find the waiting room: `https://wait.example`."""
    shop_url: str
    """The shop's own origin, as it stands in the sale's `return_origins`."""
    sale: str
    cookie_secrets: Sequence[str] = field(repr=False)
    """At least 32 characters each. The first signs, all verify: to rotate, put a new one first."""
    protected: Sequence[PathRule] = ("/",)
    public: Sequence[PathRule] = ()
    """Exceptions from `protected`, such as static files and a payment provider's callbacks."""
    landing: str = "/"
    """Where visitors return to whose request no redirect can repeat, such as a POST."""
    mode: Mode = Mode.EXCHANGE
    when_unavailable: WhenUnavailable = WhenUnavailable.CLOSED
    internal_url: str | None = None
    """Where this server reaches the service, if not at `service_url`."""
    shared_keys: SharedKeys | None = None
    """For services that sign with HS256. None: EdDSA, with the keys that the service publishes."""
    identify: Identify | None = field(default=None, repr=False)
    """Signs who a visitor is, for a sale that gives places to identities; see `identity`.
    Called for each redirect to the room, on the event loop of an ASGI server or aiohttp: it
    must not block.
    """

    admit_test: bool = True
    """Whether visitors of a test sale are admitted; `session.test` tells them, so that nothing is
    charged. False refuses them all, for a shop that never sells tests.
    """

    def __post_init__(self) -> None:
        for name in ("service_url", "shop_url", "internal_url"):
            url = getattr(self, name)
            if url is not None:
                object.__setattr__(self, name, parse_origin(url))
        if not _SALE.fullmatch(self.sale):
            raise ValueError(f"{self.sale!r} is no name of a sale")
        rules = [rule for rule in (*self.protected, *self.public) if isinstance(rule, str)]
        if not all(path.startswith("/") for path in (*rules, self.landing)):
            raise ValueError("a path begins with a slash")

    @property
    def api_url(self) -> str:
        """Where this server reaches the service."""
        return self.internal_url or self.service_url

    @property
    def secure(self) -> bool:
        return self.shop_url.startswith("https:")
