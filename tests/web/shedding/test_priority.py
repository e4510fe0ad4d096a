import pytest

from holdfast_web.shedding.priority import Priority, priority_of

PAYMENT, HOLD, VIEW, NEW = Priority.PAYMENT, Priority.HOLD, Priority.VIEW, Priority.NEW
OF_A_SALE = {
    "POST holds/h-1/confirm": PAYMENT,
    "POST holds/h-1/paying": PAYMENT,
    "POST orders/h-1/refund": PAYMENT,
    "GET orders/h-1": PAYMENT,
    "GET orders": PAYMENT,
    "GET events": PAYMENT,
    "POST pause": PAYMENT,
    "PUT plan": PAYMENT,
    "POST seats/block": PAYMENT,
    "GET holds/h-1": HOLD,
    "POST holds/h-1/extend": HOLD,
    "POST holds/h-1/release": HOLD,
    "POST holds/cancel": HOLD,
    "GET holds": HOLD,
    "DELETE pass": HOLD,
    "POST pass/renew": HOLD,
    "GET status": VIEW,
    "GET ticket": VIEW,
    "GET changes": VIEW,
    "POST holds": NEW,
    "POST tickets": NEW,
    "POST pass": NEW,
    "POST pass/exchange": NEW,
    "GET seats": NEW,
    "GET plan": NEW,
}


@pytest.mark.parametrize("request_", OF_A_SALE)
def test_priority_of_what_a_sale_has(request_: str) -> None:
    method, resource = request_.split()
    target = f"/v1/sales/night/{resource}"
    assert priority_of(method, target) is OF_A_SALE[request_]
    assert priority_of(method, target + "?a=/v1/sales/b/holds") is OF_A_SALE[request_]


@pytest.mark.parametrize(
    ("method", "target", "priority"),
    [
        ("PATCH", "/v1/sales/night", PAYMENT),
        ("GET", "/v1/sales", PAYMENT),
        ("GET", "/readyz", PAYMENT),
        ("GET", "/metrics", PAYMENT),
        ("GET", "/w/night", VIEW),
        ("POST", "/w/night/place", NEW),
        ("GET", "/nowhere", VIEW),
        ("POST", "/nowhere", NEW),
    ],
)
def test_priority_of_what_no_sale_has(method: str, target: str, priority: Priority) -> None:
    assert priority_of(method, target) is priority
