"""The audit as a whole: every check is asked, the verdict is told with its evidence, the exit
status follows.
"""

from collections.abc import Callable
from dataclasses import replace

import pytest

from holdfast_loadtest.audit.evidence import Evidence
from holdfast_loadtest.audit.findings import MAX_KEPT, concluded
from holdfast_loadtest.audit.journal import Admitted, Confirmed, Journal
from holdfast_loadtest.audit.verdict import Verdict, check_evidence, main
from holdfast_loadtest.wire import AreaCounts, Counts, Event, Item, Order, Sale, SeatMap, Status

GUIDS = ("A-1", "A-2", "A-3")
ITEMS = [Item(seat="A-1", price=4500), Item(area="floor", quantity=2, price=1000)]


def event(seq: int, kind: str, subject: str, **data: object) -> Event:
    return Event(f"uid.1-{seq}", kind, f"2026-05-01T10:00:{seq:02d}.000Z", subject, dict(data))


def seat_map() -> SeatMap:
    areas = {"floor": AreaCounts(8, 0, 2, 10)}
    return SeatMap("v1", "p1", Counts(free=10, booked=3), "bff", areas)


def honest() -> Evidence:
    """A small sale in which everything is as promised."""
    journal = Journal()
    journal.record(Admitted("t1", "p1", 1))
    journal.record(Confirmed("h1", ITEMS, 6500))
    items = [{"seat": "A-1"}, {"area": "floor", "quantity": 2}]
    return Evidence(
        sale=Sale("concert", "uid", "Concert", "open", new_users_per_minute=60, burst=1),
        status=Status("open", 9, serving=1, issued=1),
        guids=GUIDS,
        seat_map=seat_map(),
        orders=(Order("h1", "confirmed", "ann", ITEMS, amount=6500),),
        events=(
            event(1, "line.called", "1", first=1, last=1, count=1),
            event(2, "pass.issued", "p1", number=1),
            event(3, "hold.created", "h1", items=items),
            event(4, "order.confirmed", "h1", items=items),
        ),
        journal=journal,
    )


def shown(states: str) -> Callable[[Evidence], Evidence]:
    def doctor(evidence: Evidence) -> Evidence:
        return replace(evidence, seat_map=SeatMap("v1", "p1", states=states))

    return doctor


def without_order(evidence: Evidence) -> Evidence:
    return replace(evidence, orders=())


def sold_again(evidence: Evidence) -> Evidence:
    again = Order("h2", "confirmed", "bob", [Item(seat="A-1")])
    return replace(evidence, orders=(*evidence.orders, again))


def oversold_area(evidence: Evidence) -> Evidence:
    evidence.seat_map.areas["floor"].capacity = 1
    return evidence


def tight_limit(evidence: Evidence) -> Evidence:
    evidence.sale.max_units_per_buyer = 2
    return evidence


def hole_in_stream(evidence: Evidence) -> Evidence:
    return replace(evidence, events=(evidence.events[0], *evidence.events[2:]))


def time_reversed(evidence: Evidence) -> Evidence:
    evidence.events[3].time = "2026-05-01T09:00:00.000Z"
    return evidence


def second_pass(evidence: Evidence) -> Evidence:
    extra = (event(5, "line.called", "2", first=2, last=3), event(6, "pass.issued", "p2", number=2))
    extra[1].time = extra[0].time = evidence.events[3].time
    rush = event(7, "pass.issued", "p3", number=3)
    rush.time = extra[0].time
    return replace(evidence, events=(*evidence.events, *extra, rush))


def uncalled(evidence: Evidence) -> Evidence:
    evidence.events[1].data["number"] = 7
    return evidence


def unreadable_stream(evidence: Evidence) -> Evidence:
    evidence.events[2].time = "yesterday"
    return evidence


def another_pass(evidence: Evidence) -> Evidence:
    evidence.journal.record(Admitted("t1", "p9", 1))
    return evidence


def complaint(evidence: Evidence) -> Evidence:
    evidence.journal.complain("a shown position never rises", "number 4: 2 ahead, then 3")
    return evidence


def test_an_honest_sale_holds_every_promise() -> None:
    verdict = check_evidence(honest())
    assert verdict.held, "\n".join(verdict.lines())
    assert len(verdict.checks) == 15


@pytest.mark.parametrize(
    ("doctor", "promise"),
    [
        (shown("fff"), "booked on the seat map = sold in the ledger"),
        (shown("bbf"), "booked on the seat map = sold in the ledger"),
        (without_order, "every confirmed answer is in the ledger"),
        (without_order, "orders in the stream = orders in the ledger"),
        (sold_again, "no seat is sold twice"),
        (oversold_area, "no area is oversold"),
        (tight_limit, "no buyer is above the limit"),
        (hole_in_stream, "the event stream has no gap and no repetition"),
        (time_reversed, "store time never runs back"),
        (second_pass, "passes never above burst + rate x time, over any span"),
        (uncalled, "numbers are called in order"),
        (another_pass, "each ticket is admitted at most once"),
        (unreadable_stream, "events are in the contract's form"),
        (complaint, "a shown position never rises"),
    ],
)
def test_a_doctored_sale_breaks_the_promise(
    doctor: Callable[[Evidence], Evidence], promise: str
) -> None:
    verdict = check_evidence(doctor(honest()))
    assert promise in {check.promise for check in verdict.checks if not check.held}
    assert not verdict.held


def test_a_sale_that_lets_everybody_through_promises_no_rate() -> None:
    evidence = second_pass(honest())
    evidence.sale.queueing_method = "passthrough"
    assert not any("burst" in check.promise for check in check_evidence(evidence).checks)


def test_the_verdict_is_told_with_its_evidence() -> None:
    lines = check_evidence(sold_again(honest())).lines()
    assert "            seat A-1 is in orders h1, h2" in lines
    assert lines[-1].startswith("Verdict: ")
    assert lines[-1].endswith("BROKEN")


def test_evidence_is_bounded_and_counted() -> None:
    check = concluded("promise", "much", (str(n) for n in range(100)))
    assert (check.broken, len(check.findings)) == (100, MAX_KEPT)
    assert "            and 90 more" in Verdict("concert", (check,)).lines()


def test_the_key_comes_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("HOLDFAST_PLATFORM_KEY", raising=False)
    assert main(["--url", "http://127.0.0.1:1", "--sale", "concert"]) == 2
    assert "HOLDFAST_PLATFORM_KEY" in capsys.readouterr().err
