import asyncio
import base64
import hashlib
import re
from html.parser import HTMLParser
from typing import Any

import msgspec
from support.http.refusals import refusal_of
from support.sales.worker import BODY, Worker, sell

from holdfast.report.report import Reporter
from holdfast.report.sale_history import SaleHistory
from holdfast.sales.sale import Sale
from holdfast_console.report.page import SECURITY_POLICY, html_report
from holdfast_console.texts import LANGUAGES, Texts
from holdfast_ledger import Actor
from holdfast_metrics.metrics import Metrics
from holdfast_web.errors import ErrorCode

HOSTILE = "Gala </title><script>alert(1)</script>"


class Outline(HTMLParser):
    """The texts, elements and attributes of a document."""

    def __init__(self, document: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(document)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data


async def history_of(sale: Sale) -> SaleHistory:
    now_ms = sale.room.document.now_ms
    series: dict[str, list[float | None]] = {
        "joined": [1.0, 2.0],
        "promised_seconds": [5.0, None],
        "rate_set": [600.0, 600.0],
        "rate_realised": [0.0, 550.0],
        "waiting": [1.0, 0.0],
    }
    return SaleHistory(now_ms - 20_000, 10_000, series)


async def made_report(worker: Worker) -> dict[str, Any]:
    body = msgspec.structs.replace(BODY, name=HOSTILE)
    await worker.operations.put("night", body, Actor("test"))
    for _ in range(2):
        await worker.claim("night", await worker.join("night"))
    await sell(worker, "night", "one")
    reporter = Reporter(worker.ledger, Metrics(), history_of)
    return await reporter.report(await worker.directory.get("night"))


async def test_document_has_every_part_and_runs_nothing(worker: Worker) -> None:
    outline = Outline(html_report(await made_report(worker)))
    assert "script" not in outline.elements
    assert HOSTILE in outline.text
    for name in ("comparison", "funnel", "waits", "rates", "stock", "revenue", "checks", "draw"):
        assert Texts("en")(f"report_{name}") in outline.text
    assert outline.elements.count("svg") >= 2 * 5
    assert {"src", "href", "style"} & {name for name, _ in outline.attributes} == set()
    assert "€90.00" in outline.text


async def test_document_speaks_each_language(worker: Worker) -> None:
    report = await made_report(worker)
    for language in LANGUAGES:
        outline = Outline(html_report(report, language))
        assert ("lang", language) in outline.attributes
        assert Texts(language)("report_check_hands") in outline.text


async def test_policy_allows_the_style_of_the_document_alone(worker: Worker) -> None:
    document = html_report(await made_report(worker))
    [style] = re.findall(r"<style>(.*?)</style>", document, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in SECURITY_POLICY
    assert "url(" not in style
    assert "@import" not in style


async def test_report_of_a_sale_that_sold_nothing_is_a_document(worker: Worker) -> None:
    await worker.create("night")

    async def nothing(_: Sale) -> SaleHistory | None:
        return None

    report = await Reporter(worker.ledger, Metrics(), nothing).report(
        await worker.directory.get("night")
    )
    outline = Outline(html_report(report))
    assert Texts("en")("report_agree") in outline.text
    assert "0 of 70" in outline.text


async def test_report_is_made_once_for_all_who_ask(worker: Worker) -> None:
    await worker.create("night")
    asked = 0

    async def counted(_: Sale) -> SaleHistory | None:
        nonlocal asked
        asked += 1
        return None

    reporter = Reporter(worker.ledger, Metrics(), counted)
    sale = await worker.directory.get("night")
    assert await reporter.report(sale) is await reporter.report(sale)
    assert asked == 1


async def test_report_of_one_sale_does_not_wait_for_that_of_another(worker: Worker) -> None:
    await worker.create("slow")
    await worker.create("night")
    slow, night = await worker.directory.get("slow"), await worker.directory.get("night")
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def history(sale: Sale) -> SaleHistory | None:
        if sale is slow:
            begun.set()
            await go_on.wait()
        return None

    reporter = Reporter(worker.ledger, Metrics(), history)
    waiting = asyncio.ensure_future(reporter.report(slow))
    await begun.wait()
    assert (await reporter.report(night))["sale"] == "night"
    assert not waiting.done()
    go_on.set()
    assert (await waiting)["sale"] == "slow"


async def test_report_that_takes_too_long_is_given_up(worker: Worker) -> None:
    await worker.create("night")
    sale = await worker.directory.get("night")

    async def never(_: Sale) -> SaleHistory | None:
        await asyncio.Event().wait()
        return None

    refusal = await refusal_of(Reporter(worker.ledger, Metrics(), never, seconds=0.5).report(sale))
    assert refusal.code is ErrorCode.OVERLOADED

    async def nothing(_: Sale) -> SaleHistory | None:
        return None

    report = await Reporter(worker.ledger, Metrics(), nothing).report(sale)
    assert report["sale"] == "night"
