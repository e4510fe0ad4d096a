"""Sentences of advice for refusals, by their codes; printed below the service's own.

Only codes that an operator meets and can do something about have one.
"""

from typing import Final

ADVICE: Final[dict[str, str]] = {
    "unreachable": "Is the service running, and is this its operator's address? See --url.",
    "unauthorized": "Which key is sent? HOLDFAST_KEY, then --key-file or HOLDFAST_KEY_FILE, then "
    "operator.key of the data directory. `holdfast keys list` shows which are live.",
    "forbidden": "Use a key with a higher role, or one that is for this sale: `holdfast keys "
    "create NAME --role operator`.",
    "role_elsewhere": "This listener serves other roles: give by --url that of `listen_operator`, "
    "for orders and holds that of `listen_shop`, for seats and plans that of the public.",
    "unknown_sale": "`holdfast sale list` shows the names.",
    "unknown_order": "`holdfast orders list SALE` shows the ids; an order has that of its hold.",
    "unknown_hold": "`holdfast holds list SALE` shows the ids.",
    "sale_started": "People are in it: change what may be changed by `holdfast sale set`, or "
    "create another sale.",
    "start_passed": "`holdfast sale open` opens it now.",
    "sale_not_closed": "`holdfast sale close` ends it first.",
    "orders_kept": "`holdfast sale report` shows what they are; --orders takes their number.",
    "sale_closed": "A sale that was closed is over; `holdfast sale copy` makes another like it.",
    "order_state": "`holdfast orders show` has its status.",
    "hold_state": "`holdfast holds list` has its status.",
    "conflict": "Somebody else changed it meanwhile: look, then try again.",
    "cursor_expired": "Begin again.",
    "store_behind": "The sale is being rebuilt: try again in a few seconds.",
    "store_unavailable": "`holdfast doctor` on the service's machine says what is wrong.",
    "ledger_unavailable": "`holdfast doctor` on the service's machine says what is wrong.",
    "outcome_unknown": "Look whether it was done, then try again.",
    "overloaded": "Try again later, or give operators a listener of their own (`listen_operator`).",
}


def advice_for(code: str) -> str:
    """The sentence for a code; empty where there is none."""
    return ADVICE.get(code, "")
