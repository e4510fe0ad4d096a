"""The four roles that divide the endpoints of the service.

A role is what a deployment may give sockets and processes of their own (holdfast/worker_groups.py),
so that nobody waits behind the requests of another role. Routes say theirs in role_routes; settings
and commands know roles without any of HTTP, whose import would be most of what a command costs.
"""

from enum import StrEnum
from typing import Final


class ServiceRole(StrEnum):
    """A role; nearest to the crowd first."""

    ROOM = "room"
    """what visitors who wait use: pages, status, tickets, passes"""
    SALES_FLOOR = "sales_floor"
    """what buyers use: plan, seat map, changes, their holds and orders"""
    SHOP = "shop"
    """what the shop's server uses: payments, orders, events, holds for buyers"""
    OPERATOR = "operator"
    """what operators use: sales, seat blocks, metrics"""


ALL_ROLES: Final = tuple(ServiceRole)
CROWDED_ROLES: Final = frozenset({ServiceRole.ROOM, ServiceRole.SALES_FLOOR})
"""Those whose endpoints the public reaches."""
