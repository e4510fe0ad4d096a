"""Reads the live figures of a sale, of a service that has no document of them, too.

A service of an earlier release does not know `GET .../live`. What it has of them is put together of
what it does know: the sale, its public status and the totals of its orders.
"""

from holdfast.api_client import ApiRefused, Document, sale_path
from holdfast.cli.remote.command import RemoteService

MISSING = "not_found"
"""the code of an address that the service does not know; of a sale that it does not, another"""


def read_live(service: RemoteService, sale: str) -> Document:
    """The live figures, as `GET .../live` has them; a member that is not known is left out."""
    try:
        return service.api.get(sale_path(sale, "live"))
    except ApiRefused as error:
        if error.code != MISSING:
            raise
    return composed(
        service.api.get(sale_path(sale)),
        service.room.get(sale_path(sale, "status")),
        service.shop.get(sale_path(sale, "orders", "totals")),
    )


def composed(sale: Document, status: Document, totals: Document) -> Document:
    """The figures that a sale, its status and its totals have."""
    counts = sale["counts"]
    waiting = status["issued"] - status["serving"] + status["lobby"]
    return {
        "sale": sale["sale"],
        "name": sale["name"],
        "time": status["now"],
        "state": sale["state"],
        "currency": sale["currency"],
        "headline": f"{waiting:,} waiting, {status['admitted_per_minute']:,.0f} a minute",
        "line": {
            "waiting": waiting,
            "present": status["present"],
            "active_max": sale["total_active_users"],
            "rate_set": sale["new_users_per_minute"],
            "rate_realised": status["admitted_per_minute"],
        },
        "funnel": {"joined": status["issued"] + status["lobby"]},
        "stock": {
            "free": counts["free"],
            "held": counts["held"],
            "booked": counts["sold"],
            "total": sum(counts.values()),
        },
        "revenue": {"confirmed": totals["confirmed"], "refunded": totals["refunded"]},
    }
