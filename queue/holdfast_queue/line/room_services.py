"""What all rooms of a process share: the scripts, the keys, and access to the ledger.

`RoomServices` is made once, by the composition root, from an executor, a keyring and the
ledger's sales and draws, and is given to each `Room`.
"""

from dataclasses import dataclass

from holdfast_connector.contract import EDDSA
from holdfast_ledger.draws import Draws
from holdfast_ledger.sales import Sales
from holdfast_lua.calls.line import LineCalls
from holdfast_lua.client.executor import Executor
from holdfast_queue.tokens.handoffs import HandoffIssuer
from holdfast_queue.tokens.identities import IdentityVerifier
from holdfast_queue.tokens.passes import PassIssuer, make_pass_issuer
from holdfast_queue.tokens.signer import Signer, jwks, signing_key
from holdfast_queue.tokens.tickets import TicketCodec
from holdfast_web.keyring import Keyring, Purpose


@dataclass(frozen=True, slots=True)
class RoomServices:
    """The store calls, token codecs and ledger transactions of all rooms."""

    calls: LineCalls
    tickets: TicketCodec
    passes: PassIssuer
    handoffs: HandoffIssuer
    sales: Sales
    draws: Draws
    identities: IdentityVerifier
    jwks: dict[str, list[dict[str, str]]]


def make_room_services(
    executor: Executor,
    keyring: Keyring,
    issuer: str,
    sales: Sales,
    draws: Draws,
    *,
    algorithm: str = EDDSA,
) -> RoomServices:
    """Makes the services of one process; tokens name `issuer`, the public URL."""
    passes = make_pass_issuer(issuer, keyring, algorithm)
    handoffs = Signer(
        issuer, [signing_key(key, algorithm) for key in keyring.keys(Purpose.HANDOFF)]
    )
    return RoomServices(
        calls=LineCalls(executor),
        tickets=TicketCodec([key.key for key in keyring.keys(Purpose.TICKET)]),
        passes=passes,
        handoffs=HandoffIssuer(handoffs),
        sales=sales,
        draws=draws,
        identities=IdentityVerifier(keyring.keys(Purpose.IDENTITY)),
        jwks=jwks((*passes.signer.keys, *handoffs.keys)),
    )
