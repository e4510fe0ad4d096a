"""What every room of a process shares: the scripts, the keys, and the way to the ledger.

`FrontDesk` is the waiting room's part of the composition root's work: it is made once, from an
executor and a keyring, and given to each `Room`. `raise_ceiling` and `seal_draw` are injected,
because the ledger belongs to the inventory, which this package must not know.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from holdfast_lua.calls.line import LineCalls
from holdfast_lua.client.executor import Executor
from holdfast_queue.draw.commitment import Sealed
from holdfast_queue.tokens.handoffs import HandoffDesk
from holdfast_queue.tokens.identities import IdentityOffice
from holdfast_queue.tokens.passes import EDDSA, PassOffice, Signer, jwks, signing_key
from holdfast_queue.tokens.tickets import TicketMint
from holdfast_web.keyring import Keyring, Purpose

CeilingRaiser = Callable[[str, int, int], Awaitable[int]]
"""From (sale uid, epoch, number) to the ceiling that the ledger has committed, that or higher."""

DrawSealer = Callable[[str, int, Sealed], Awaitable[Sealed]]
"""From (sale uid, epoch, what it should be sealed with) to what the ledger has sealed it with."""


@dataclass(frozen=True, slots=True)
class FrontDesk:
    """The shared means of all rooms."""

    calls: LineCalls
    tickets: TicketMint
    passes: PassOffice
    handoffs: HandoffDesk
    raise_ceiling: CeilingRaiser
    seal_draw: DrawSealer
    identities: IdentityOffice
    jwks: dict[str, list[dict[str, str]]]


def open_desk(
    executor: Executor,
    keyring: Keyring,
    issuer: str,
    raise_ceiling: CeilingRaiser,
    seal_draw: DrawSealer,
    *,
    algorithm: str = EDDSA,
) -> FrontDesk:
    """The desk of one process. `issuer` is the public URL, as tokens name it."""
    passes = Signer(issuer, [signing_key(key, algorithm) for key in keyring.keys(Purpose.PASS)])
    handoffs = Signer(
        issuer, [signing_key(key, algorithm) for key in keyring.keys(Purpose.HANDOFF)]
    )
    return FrontDesk(
        calls=LineCalls(executor),
        tickets=TicketMint([key.key for key in keyring.keys(Purpose.TICKET)]),
        passes=PassOffice(passes),
        handoffs=HandoffDesk(handoffs),
        raise_ceiling=raise_ceiling,
        seal_draw=seal_draw,
        identities=IdentityOffice(keyring.keys(Purpose.IDENTITY)),
        jwks=jwks((*passes.keys, *handoffs.keys)),
    )
