"""What all rooms of a process share: the scripts, the keys, and access to the ledger.

`RoomServices` is made once, by the composition root, from an executor and a keyring, and is given
to each `Room`. `raise_ceiling` and `seal_draw` are the two ledger transactions of a line.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from holdfast_connector.contract import EDDSA
from holdfast_lua.calls.line import LineCalls
from holdfast_lua.client.executor import Executor
from holdfast_queue.draw.commitment import Sealed
from holdfast_queue.tokens.handoffs import HandoffIssuer
from holdfast_queue.tokens.identities import IdentityVerifier
from holdfast_queue.tokens.passes import PassIssuer, Signer, jwks, signing_key
from holdfast_queue.tokens.tickets import TicketCodec
from holdfast_web.keyring import Keyring, Purpose

CeilingRaiser = Callable[[str, int, int], Awaitable[int]]
"""From (sale uid, epoch, number) to the ceiling that the ledger has committed, that or higher."""

DrawSealer = Callable[[str, int, Sealed], Awaitable[Sealed]]
"""From (sale uid, epoch, what it should be sealed with) to what the ledger has sealed it with."""


@dataclass(frozen=True, slots=True)
class RoomServices:
    """The store calls, token codecs and ledger transactions of all rooms."""

    calls: LineCalls
    tickets: TicketCodec
    passes: PassIssuer
    handoffs: HandoffIssuer
    raise_ceiling: CeilingRaiser
    seal_draw: DrawSealer
    identities: IdentityVerifier
    jwks: dict[str, list[dict[str, str]]]


def make_room_services(
    executor: Executor,
    keyring: Keyring,
    issuer: str,
    raise_ceiling: CeilingRaiser,
    seal_draw: DrawSealer,
    *,
    algorithm: str = EDDSA,
) -> RoomServices:
    """Makes the services of one process; tokens name `issuer`, the public URL."""
    passes = Signer(issuer, [signing_key(key, algorithm) for key in keyring.keys(Purpose.PASS)])
    handoffs = Signer(
        issuer, [signing_key(key, algorithm) for key in keyring.keys(Purpose.HANDOFF)]
    )
    return RoomServices(
        calls=LineCalls(executor),
        tickets=TicketCodec([key.key for key in keyring.keys(Purpose.TICKET)]),
        passes=PassIssuer(passes),
        handoffs=HandoffIssuer(handoffs),
        raise_ceiling=raise_ceiling,
        seal_draw=seal_draw,
        identities=IdentityVerifier(keyring.keys(Purpose.IDENTITY)),
        jwks=jwks((*passes.keys, *handoffs.keys)),
    )
