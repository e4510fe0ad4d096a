"""The live document of a sale, and what is drawn from it."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from holdfast_console.api import PublishedApi, sale_url
from holdfast_console.texts import Texts, parse_time
from holdfast_web.charts import (
    Drawing,
    Series,
    TimeSpan,
    bar_chart,
    funnel_chart,
    line_chart,
)

STAGES: Final = ("joined", "called", "admitted", "held", "paying", "confirmed")
CURVES: Final = {
    "people": ("waiting", "present", "active"),
    "rates": ("rate_set", "rate_realised"),
    "stock": ("held", "booked"),
    "flow": ("joined", "admitted"),
}
"""The charts of the last hour, and the series of each."""
STOCK: Final = ("booked", "held", "free", "blocked")


async def read_live(api: PublishedApi, sale: str) -> dict[str, Any]:
    """The live document of a sale."""
    document: dict[str, Any] = await api.get(sale_url(sale, "/live"))
    return document


def headline(texts: Texts, live: Mapping[str, Any]) -> str:
    """One sentence: who waits, how fast the line moves, and when all will be sold."""
    line, stock = live["line"], live["stock"]
    state = live["state"]
    if state in ("scheduled", "closed", "lobby", "paused"):
        return texts(f"headline_{state}", waiting=texts.number(line["waiting"] or 0))
    parts = [texts("headline_waiting", n=texts.number(line["waiting"] or 0))]
    if line.get("rate_realised") is not None:
        parts.append(texts("headline_rate", n=texts.number(line["rate_realised"])))
    sold_out = (live.get("forecast") or {}).get("sold_out_at")
    if state == "sold_out":
        parts.append(texts("headline_sold_out"))
    elif sold_out and parse_time(sold_out["expected"]) and parse_time(live["time"]):
        parts.append(texts("headline_forecast", time=_until(texts, live, sold_out["expected"])))
    else:
        parts.append(texts("headline_free", n=texts.number(stock["free"])))
    return texts("headline_comma").join(parts)


def forecast(texts: Texts, live: Mapping[str, Any]) -> str:
    """The interval in which all will be sold; empty where nothing can be said."""
    interval = (live.get("forecast") or {}).get("sold_out_at")
    if not interval or not interval.get("earliest") or not interval.get("latest"):
        return ""
    earliest, latest = (_until(texts, live, interval[end]) for end in ("earliest", "latest"))
    return "" if earliest == latest else texts("forecast_between", earliest=earliest, latest=latest)


def _until(texts: Texts, live: Mapping[str, Any], moment: str) -> str:
    then, now = parse_time(moment), parse_time(live["time"])
    if then is None or now is None:
        return texts.duration(None)
    return texts.duration(max(0.0, (then - now).total_seconds()))


def charts(texts: Texts, live: Mapping[str, Any]) -> list[Drawing]:
    """The curves of the last hour; none before there is a history."""
    history = live.get("history") or {}
    series = history.get("series") or {}
    since = parse_time(history.get("since") or live["time"])
    if since is None:
        return []
    span = TimeSpan(since, history.get("step_seconds") or 10)
    return [
        line_chart(
            texts(f"chart_{name}"),
            [Series(texts(f"series_{curve}"), series[curve]) for curve in curves],
            span,
            number=texts.number,
            words=texts.chart_words(),
        )
        for name, curves in CURVES.items()
        if all(curve in series for curve in curves)
    ]


def funnel(texts: Texts, live: Mapping[str, Any]) -> Drawing:
    """The chart of how many reached each stage, from joining to confirming."""
    counts = live.get("funnel") or {}
    stages = [(texts(f"stage_{stage}"), counts.get(stage) or 0) for stage in STAGES]
    return funnel_chart(texts("funnel"), stages, number=texts.number, words=texts.chart_words())


def stock(texts: Texts, live: Mapping[str, Any]) -> Drawing | None:
    """The stock of each category; None where there is no more than one."""
    categories: Sequence[Mapping[str, Any]] = live["stock"].get("categories") or ()
    if not categories:
        return None
    rows = [(str(one["category"]), [one.get(part) or 0 for part in STOCK]) for one in categories]
    parts = [texts(f"stock_{part}") for part in STOCK]
    return bar_chart(
        texts("stock_title"), parts, rows, number=texts.number, words=texts.chart_words()
    )
