"""Who makes a request that changes something, as the audit notes it."""

from aiohttp import web

from holdfast_ledger import Actor
from holdfast_web.credentials import ACTING_KEY
from holdfast_web.request.client_address import client_address
from holdfast_web.request.request_id import request_id


def actor_of(request: web.Request) -> Actor:
    """The key, address and id of a request; `require_role` must have let it through before.

    Raises LookupError for a request that came without a key.
    """
    key = request[ACTING_KEY]
    return Actor(key.id, str(client_address(request)), request_id(request))
