"""Every error code of the API, in one list, and the one exception that carries them.

Invariants: a code is stable once published; its status never depends on where it is raised; every
code is in docs/api.md (a test compares both). No aiohttp in here, so that domain modules may raise
`HoldfastError` themselves.

Rejected: one exception class per code. Nothing in the service catches a single code; outcomes that
the service distinguishes are typed results, and an exception is always on its way to the client.
"""

from enum import Enum


class ErrorCode(Enum):
    """`code`, HTTP status, title, and the sentence that documents it."""

    _value_: str
    status: int
    title: str
    doc: str

    def __new__(cls, code: str, status: int, title: str, doc: str) -> "ErrorCode":
        member = object.__new__(cls)
        member._value_ = code
        member.status = status
        member.title = title
        member.doc = doc
        return member

    # 400: the request can never succeed as it is.
    INVALID_REQUEST = (
        "invalid_request",
        400,
        "Invalid request",
        "The body, a header or a query parameter is malformed; `field` names which.",
    )
    MALFORMED_REQUEST = (
        "malformed_request",
        400,
        "Malformed request",
        "Not HTTP as it has to be, or an address or header above 8 KiB; the connection is closed.",
    )
    INVALID_RETURN_URL = (
        "invalid_return_url",
        400,
        "Return URL not allowed",
        "The return URL is not on the sale's `return_origins` nor on the service's own origin.",
    )
    INVALID_PLAN = (
        "invalid_plan",
        400,
        "Invalid seating plan",
        "The seating plan cannot be used; `detail` says which part and why.",
    )
    UNKNOWN_SEAT = (
        "unknown_seat",
        400,
        "Unknown seat",
        "A seat, area, zone or category named in the request is not in the sale's plan.",
    )
    # 401, 403: who is asking.
    UNAUTHORIZED = (
        "unauthorized",
        401,
        "Credentials missing or not valid",
        "No API key, pass or ticket was sent where one is needed, or it is not valid (any more).",
    )
    IDENTITY_REQUIRED = (
        "identity_required",
        401,
        "Identity required",
        "The sale gives places to identities that its storefront has signed; `identity` is none.",
    )
    FORBIDDEN = (
        "forbidden",
        403,
        "Not allowed",
        "The credential is valid, but its role or the sales that it is for do not allow this.",
    )
    CHANNEL_REQUIRED = (
        "channel_required",
        403,
        "Set aside for a channel",
        "What was asked for is set aside for a channel that the credential does not carry; "
        "`conflicts` lists it.",
    )
    NOT_OWNER = (
        "not_owner",
        403,
        "Not the owner",
        "The hold, order or ticket belongs to somebody else.",
    )
    CROSS_ORIGIN = (
        "cross_origin",
        403,
        "Cross-origin request refused",
        "A request that sets a cookie came from another origin.",
    )
    # 404, 405, 408, 413, 415
    NOT_FOUND = ("not_found", 404, "Not found", "No resource has this address.")
    ROLE_ELSEWHERE = (
        "role_elsewhere",
        404,
        "Served elsewhere",
        "This listener does not serve the role of this address, or not with this kind of "
        "credential; another listener of the service does.",
    )
    UNKNOWN_SALE = ("unknown_sale", 404, "Unknown sale", "No sale has this name.")
    UNKNOWN_HOLD = ("unknown_hold", 404, "Unknown hold", "No hold has this id in this sale.")
    UNKNOWN_ORDER = ("unknown_order", 404, "Unknown order", "No order has this id in this sale.")
    UNKNOWN_VISITOR = (
        "unknown_visitor",
        404,
        "Unknown visitor",
        "Nobody in this sale has this number, ticket, pass or identity.",
    )
    METHOD_NOT_ALLOWED = (
        "method_not_allowed",
        405,
        "Method not allowed",
        "The address exists, the method does not; `Allow` lists those that do.",
    )
    REQUEST_TIMEOUT = (
        "request_timeout",
        408,
        "Request too slow",
        "The body did not arrive in the time allowed; the connection is closed.",
    )
    BODY_TOO_LARGE = (
        "body_too_large",
        413,
        "Request body too large",
        "The body is larger than this endpoint takes (16 KiB, seating plans 32 MiB).",
    )
    UNSUPPORTED_ENCODING = (
        "unsupported_encoding",
        415,
        "Content encoding not supported",
        "Bodies are taken as they are: no `Content-Encoding` but `identity`. "
        "The connection is closed.",
    )
    # 409: the sale, the line or the stock is in another state.
    NOT_OPEN = (
        "not_open",
        409,
        "Not open yet",
        "The sale has not started: joins open with the pre-queue, holds with the sale.",
    )
    DRAINING = ("draining", 409, "Draining", "The line takes no new visitors any more.")
    SALE_CLOSED = ("sale_closed", 409, "Sale closed", "The sale is over.")
    SALE_STARTED = (
        "sale_started",
        409,
        "Sale started",
        "The first ticket has been issued: the sale can only be changed by PATCH.",
    )
    START_PASSED = (
        "start_passed",
        409,
        "Start passed",
        "The lobby is open, and this start is in the past: `POST .../open` opens the sale now.",
    )
    SALE_NOT_CLOSED = (
        "sale_not_closed",
        409,
        "Sale not closed",
        "Only a closed sale can be deleted.",
    )
    ORDERS_KEPT = (
        "orders_kept",
        409,
        "The sale has orders",
        "A sale that has orders is deleted only with their count, `orders`, as confirmation.",
    )
    NAME_TAKEN = ("name_taken", 409, "Name taken", "Another sale has this name.")
    SOLD_OUT = (
        "sold_out",
        409,
        "Sold out",
        "Nothing of what was asked for is free. The line is told so once nothing is held either.",
    )
    DRAW_FIXED = (
        "draw_fixed",
        409,
        "Draw fixed",
        "The draw takes no beacon: none was announced, or its value has been given.",
    )
    JOIN_REFUSED = (
        "join_refused",
        409,
        "Joining refused",
        "The sale's `queueing_method` is `reject`: nobody is let in.",
    )
    SEAT_UNAVAILABLE = (
        "seat_unavailable",
        409,
        "Seat unavailable",
        "A requested seat or area unit is taken; `conflicts` lists which.",
    )
    NOT_ENOUGH_TOGETHER = (
        "not_enough_together",
        409,
        "Not enough free",
        "No free units answer the request as it was put; fewer or other ones may.",
    )
    ORPHAN_LEFT = (
        "orphan_left",
        409,
        "Single seat left over",
        "The chosen seats would leave a single free seat alone, which this sale does not take.",
    )
    HOLD_LIMIT_EXCEEDED = (
        "hold_limit_exceeded",
        409,
        "Limit per buyer exceeded",
        "Holds and orders of this buyer would exceed `max_units_per_buyer`.",
    )
    PASS_ENDED = (
        "pass_ended",
        409,
        "Pass ended",
        "The session was released, expired or revoked, or begins no holds any more; join again.",
    )
    HOLD_STATE = (
        "hold_state",
        409,
        "Hold in another state",
        "The hold's `status` does not allow this operation.",
    )
    ORDER_STATE = (
        "order_state",
        409,
        "Order in another state",
        "The order's `status` does not allow this operation.",
    )
    ORDER_MISMATCH = (
        "order_mismatch",
        409,
        "Order settled otherwise",
        "The hold was settled with another `order_ref`, `payment_ref` or `amount` before.",
    )
    AMOUNT_MISMATCH = (
        "amount_mismatch",
        409,
        "Amount differs",
        "`amount` is not the hold's `total`; nothing was booked.",
    )
    CONFLICT = (
        "conflict",
        409,
        "Changed meanwhile",
        "The resource changed between reading and writing; read it again.",
    )
    # 410: was there, is gone for good.
    CALL_EXPIRED = (
        "call_expired",
        410,
        "Call expired",
        "The visitor was called and did not claim in time; join again.",
    )
    HANDOFF_USED = (
        "handoff_used",
        410,
        "Hand-off used",
        "The hand-off was exchanged before, or it is over; go through the waiting room again.",
    )
    HOLD_EXPIRED = (
        "hold_expired",
        410,
        "Hold expired",
        "The hold ran out. On confirm, `refund_required` tells that nothing could be had instead.",
    )
    HOLD_RELEASED = ("hold_released", 410, "Hold released", "The hold was given back before.")
    HOLD_LOST = (
        "hold_lost",
        410,
        "Hold lost",
        "The store lost the hold; `refund_required` tells whether a payment must be returned.",
    )
    CURSOR_EXPIRED = (
        "cursor_expired",
        410,
        "Cursor expired",
        "The events after this cursor are no longer kept; read the resource anew.",
    )
    # 422, 429
    IDEMPOTENCY_MISMATCH = (
        "idempotency_mismatch",
        422,
        "Idempotency key reused",
        "This `Idempotency-Key` was used with another request.",
    )
    TOO_MANY_REQUESTS = (
        "too_many_requests",
        429,
        "Too many requests",
        "This client exceeds the rate it may have; wait `Retry-After` seconds.",
    )
    TOO_MANY_STREAMS = (
        "too_many_streams",
        429,
        "Too many streams",
        "This client address has as many streams of changes open as it may have; poll instead.",
    )
    JOIN_LIMITED = (
        "join_limited",
        429,
        "Too many joins",
        "Too many places were taken from this client address; wait `Retry-After` seconds.",
    )
    # 500, 503: ours. Every 503 carries Retry-After.
    INTERNAL_ERROR = (
        "internal_error",
        500,
        "Internal error",
        "A fault of the service; it has been logged.",
    )
    STORE_BEHIND = (
        "store_behind",
        503,
        "Store behind",
        "The store lost state of this sale, which is being rebuilt; nothing was changed.",
    )
    STORE_UNAVAILABLE = (
        "store_unavailable",
        503,
        "Store unavailable",
        "The store cannot be reached or takes no writes; nothing was changed.",
    )
    STORE_BUSY = (
        "store_busy",
        503,
        "Store busy",
        "More is waiting for the store than is sound; nothing was changed.",
    )
    OUTCOME_UNKNOWN = (
        "outcome_unknown",
        503,
        "Outcome unknown",
        "The answer was lost on the way; repeat the same request, with the same `Idempotency-Key`.",
    )
    LEDGER_UNAVAILABLE = (
        "ledger_unavailable",
        503,
        "Ledger unavailable",
        "The ledger cannot be reached; repeat the same request.",
    )
    OVERLOADED = (
        "overloaded",
        503,
        "Overloaded",
        "More requests come than can be answered in time; nothing was changed. Repeat it after "
        "`Retry-After` seconds, not before.",
    )


class HoldfastError(Exception):
    """A refusal or fault on its way to the client.

    `members` become extension members of the problem document (`field`, `conflicts`,
    `refund_required`, ...): they are public, so nothing secret belongs into them or into `detail`.
    """

    def __init__(
        self,
        code: ErrorCode,
        detail: str = "",
        *,
        retry_after: float | None = None,
        **members: object,
    ) -> None:
        super().__init__(code.value, detail)
        self.code = code
        self.detail = detail or code.doc
        self.retry_after = retry_after
        self.members = members

    def __str__(self) -> str:
        """What a log says of it."""
        return f"{self.code.value}: {self.detail}"


def invalid(field: str, detail: str) -> HoldfastError:
    """400 `invalid_request` that names the field to blame."""
    return HoldfastError(ErrorCode.INVALID_REQUEST, detail, field=field)
