"""The report as one HTML document to read, print and keep: no script, nothing from elsewhere."""

import base64
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import msgspec

from holdfast_console.report.tables import facts, section, table
from holdfast_console.texts import DEFAULT_LANGUAGE, Texts
from holdfast_web.charts import (
    CHART_STYLES,
    Series,
    TimeSpan,
    bar_chart,
    funnel_chart,
    line_chart,
    whole,
)
from holdfast_web.charts.drawing import Drawing, element, joined
from holdfast_web.charts.series import UNKNOWN
from holdfast_web.money import Currency
from holdfast_web.pages.assets import style_sheet

STYLES: Final = style_sheet(Path(__file__).with_name("report.css")) + CHART_STYLES
_HASH: Final = base64.b64encode(hashlib.sha256(STYLES.encode()).digest()).decode()
SECURITY_POLICY: Final = (
    f"default-src 'none'; style-src 'sha256-{_HASH}'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
SERIES_MAX: Final = 6
"""curves in one chart; what is beyond is in the tables"""


def html_report(report: Mapping[str, object], language: str = DEFAULT_LANGUAGE) -> str:
    """The document of a report of the API."""
    read: dict[str, Any] = msgspec.to_builtins(report)
    t = Texts(language)
    title = t("report_title", name=read["name"])
    body = element("main", joined(_head(read, t), report_body(read, t)))
    head = joined(
        Drawing('<meta charset="utf-8">'),
        Drawing('<meta name="viewport" content="width=device-width, initial-scale=1">'),
        element("title", title),
        element("style", Drawing(STYLES)),
    )
    return f'<!doctype html><html lang="{language}"><head>{head}</head><body>{body}</body></html>'


def report_body(report: Mapping[str, Any], t: Texts) -> Drawing:
    """The sections of a report, for a page that has its own frame."""
    parts = [
        section(t("report_figures"), facts(_figures(report, t))),
        section(t("report_comparison"), _comparison(report, t)),
        section(t("report_funnel"), _funnel(report, t)),
        *_history_sections(report, t),
        section(t("report_stock"), *_stock(report, t), kind="parts"),
        *_revenue(report, t),
        section(t("report_details"), _details(report, t)),
        section(t("report_checks"), _checks(report["audit"]["checks"], t)),
        section(t("report_draw"), _checks([report["draw"]["check"]], t)),
        *_missing(report, t),
    ]
    return joined(*parts)


def _head(report: Mapping[str, Any], t: Texts) -> Drawing:
    verdict, agree = report["audit"]["verdict"], report["comparison"]["agree"]
    words = " ".join(
        (t(f"report_{'agree' if agree else 'disagree'}"), t(f"report_verdict_{verdict}"))
    )
    made = {"sale": report["sale"], "state": report["state"], "time": t.time(report["time"])}
    bad = not agree or verdict == "broken"
    parts = [
        element("h1", t("report_title", name=report["name"])),
        element("p", t("report_made", **made), class_="soft"),
        element("p", words, class_="verdict broken" if bad else "verdict"),
    ]
    if report["test"]:
        parts.insert(1, element("p", t("report_test"), class_="broken"))
    if not report["at_rest"]:
        parts.append(element("p", t("report_moving"), class_="soft"))
    return element("header", joined(*parts))


def _figures(report: Mapping[str, Any], t: Texts) -> Iterator[tuple[str, str]]:
    money = Currency.of(report["currency"]).format
    stock, revenue, waits = report["stock"], report["revenue"], report["waits"]
    sold = {"sold": whole(stock["sold"]), "total": whole(stock["total"])}
    yield t("report_sold"), t("report_of_total", **sold)
    yield t("report_kept"), money(revenue["kept"])
    yield t("report_refunded"), money(revenue["refunded"])
    yield t("report_owed"), money(revenue["owed"])
    yield t("report_joined"), whole(report["funnel"]["joined"])
    yield t("report_median_wait"), t.duration(waits["p50_seconds"])
    yield t("report_p90_wait"), t.duration(waits["p90_seconds"])
    yield t("report_promise_error"), t.duration(waits["promise_error_seconds"])
    yield t("report_lapsed"), whole(report["line"]["lapsed"])
    yield t("report_collisions"), whole(report["holds"]["collisions"])
    sold_out = report["period"]["sold_out_at"]
    yield t("report_sold_out_at"), t.time(sold_out)


def _comparison(report: Mapping[str, Any], t: Texts) -> Drawing:
    money = Currency.of(report["currency"]).format
    compared = report["comparison"]
    sides = (("payments", "payments"), ("own", "orders"), ("ledger", "sold"), ("store", "store"))
    columns = {"orders": whole, "tickets": whole, "amount": money}
    rows = [
        [
            t(f"report_{word}"),
            *(_known(compared[side].get(name), write) for name, write in columns.items()),
        ]
        for word, side in sides
    ]
    head = [t(f"report_{name}") for name in ("side", *columns)]
    caption = t("report_agree" if compared["agree"] else "report_disagree")
    return table(caption, head, rows)


def _known(value: int | None, write: Callable[[int], str]) -> str:
    return UNKNOWN if value is None else write(value)


def _funnel(report: Mapping[str, Any], t: Texts) -> Drawing:
    stages = [(t(f"report_stage_{name}"), count) for name, count in report["funnel"].items()]
    return funnel_chart(t("report_funnel"), stages, words=t.chart_words())


def _history_sections(report: Mapping[str, Any], t: Texts) -> Iterator[Drawing]:
    rows = report["waits"]["rows"]
    if rows:
        yield section(t("report_waits"), _waits(rows, t))
    history = report["history"]
    if history is None:
        return
    span = _time_span(history)
    for title, names in (
        ("rates", ("rate_set", "rate_realised")),
        ("line", ("waiting", "present", "active")),
    ):
        series = [
            Series(t(f"report_{name}"), history["series"][name])
            for name in names
            if name in history["series"]
        ]
        yield section(
            t(f"report_{title}"),
            line_chart(t(f"report_{title}"), series, span, words=t.chart_words()),
        )


def _waits(rows: Sequence[Mapping[str, Any]], t: Texts) -> Drawing:
    """The chart of waits over time, on an even grid; where nobody joined there is a gap."""
    times = [datetime.fromisoformat(row["joined_at"]) for row in rows]
    length = (times[-1] - times[0]).total_seconds()
    step = max(1.0, length / max(1, len(rows) - 1))
    curves: dict[str, list[float | None]] = {
        name: [None] * (round(length / step) + 1) for name in ("p50", "p90", "promised")
    }
    for time, row in zip(times, rows, strict=True):
        at = round((time - times[0]).total_seconds() / step)
        for name, values in curves.items():
            seconds = row[f"{name}_seconds"]
            values[at] = None if seconds is None else seconds / 60
    series = [Series(t(f"report_wait_{name}"), values) for name, values in curves.items()]
    shown = [one for one in series if one.known]
    return line_chart(
        t("report_waits"), shown, TimeSpan(times[0], step), number=_tenth, words=t.chart_words()
    )


def _stock(report: Mapping[str, Any], t: Texts) -> Iterator[Drawing]:
    categories = report["stock"]["categories"]
    bars = [(one["category"], (one["sold"], one["total"] - one["sold"])) for one in categories]
    yield bar_chart(
        t("report_stock"), (t("report_sold"), t("report_unsold")), bars, words=t.chart_words()
    )
    over_time = report["stock"]["sold_over_time"]
    if over_time is not None:
        most = sorted(over_time["series"].items(), key=lambda one: -one[1][-1])[:SERIES_MAX]
        series = [Series(name, values) for name, values in most]
        yield line_chart(
            t("report_sold_over_time"), series, _time_span(over_time), words=t.chart_words()
        )


def _revenue(report: Mapping[str, Any], t: Texts) -> Iterator[Drawing]:
    over_time = report["revenue"]["over_time"]
    if over_time is None:
        return
    currency = Currency.of(report["currency"])
    units = 10**currency.digits
    values = [value / units for value in over_time["series"][""]]
    title = f"{t('report_revenue_over_time')} ({report['currency']})"
    chart = line_chart(
        title, [Series(t("report_revenue"), values)], _time_span(over_time), words=t.chart_words()
    )
    yield section(title, chart)


def _details(report: Mapping[str, Any], t: Texts) -> Drawing:
    holds, line = report["holds"], report["line"]
    words = {"made": "made_holds"}
    rows = [
        (t(f"report_{words.get(name, name)}"), whole(holds[name]))
        for name in ("made", "extended", "released", "expired", "reacquired")
    ]
    rows += [(t("report_refused", code=code), whole(n)) for code, n in holds["refused"].items()]
    rows += [(t("report_lapsed"), whole(line["lapsed"]))]
    rows += [(t("report_unused"), whole(line["unused_sessions"]))]
    rows += [
        (t("report_pass_ended", code=code), whole(n)) for code, n in line["passes_ended"].items()
    ]
    rows += [
        (t("report_order_status", code=code), whole(n)) for code, n in report["orders"].items()
    ]
    return table("", (t("report_what"), t("report_count")), rows)


def _checks(checks: Sequence[Mapping[str, Any]], t: Texts) -> Drawing:
    return element("dl", joined(*(_check(check, t) for check in checks)), class_="checks")


def _check(check: Mapping[str, Any], t: Texts) -> Drawing:
    promise = t.known("report_check_", check["name"], check["promise"])
    parts = (
        element("dt", f"{promise}: {t('report_' + check['state'])}"),
        element("dd", joined(*_findings(check, t))),
    )
    return element("div", joined(*parts), class_="broken" if check["state"] == "broken" else None)


def _findings(check: Mapping[str, Any], t: Texts) -> Iterator[Drawing]:
    said = check["reason"] or f"{t('report_examined')}: {whole(check['examined'])}"
    yield element("span", said, class_="soft")
    found = [element("li", finding) for finding in check["findings"]]
    more = check["broken"] - len(found)
    if more > 0:
        found.append(element("li", t("report_and_more", count=whole(more))))
    if found:
        yield element("ul", joined(*found), class_="findings")


def _missing(report: Mapping[str, Any], t: Texts) -> Iterator[Drawing]:
    if report["missing"]:
        items = joined(
            *(
                element("li", t.known("report_missing_", one["code"], one["detail"]))
                for one in report["missing"]
            )
        )
        yield section(t("report_missing"), element("ul", items))


def _time_span(over_time: Mapping[str, Any]) -> TimeSpan:
    return TimeSpan(datetime.fromisoformat(over_time["start"]), over_time["step_seconds"])


def _tenth(value: float) -> str:
    return f"{value:,.1f}"
