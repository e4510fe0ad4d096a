"""Locust's web page for a sale: a tab with line, funnel and verdict, the report, and its guards.

The page starts load with an operator's key, so no other site may make it do so: requests that
change something must come from the page itself, and nothing is shared across origins. It loads
nothing from elsewhere, which its content security policy says as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from flask import Response, abort, request, send_from_directory

from holdfast_loadtest.locust.gathering import gathering_of
from holdfast_loadtest.locust.lifecycle import run

if TYPE_CHECKING:
    from locust.env import Environment
    from locust.web import WebUI

TAB: Final = "sale"
STATS_PATH: Final = "/stats/requests"
REPORT_PATH: Final = "/report"
COLUMNS: Final = [
    {"key": "part", "title": "Of"},
    {"key": "figure", "title": "What"},
    {"key": "value", "title": "How much"},
]
POLICY: Final = (
    "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; font-src 'self' data:; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
MAX_REFUSALS_SHOWN: Final = 12

Row = dict[str, str]


def add_tab(environment: Environment, **_: Any) -> None:
    """A listener of `init`: extends the page, where there is one."""
    web: WebUI | None = environment.web_ui
    if web is None or web.app is None:
        return
    web.template_args |= {
        "extended_tabs": [{"key": TAB, "title": "Sale"}],
        "extended_tables": [{"key": TAB, "structure": COLUMNS}],
    }
    web.app.before_request(refuse_other_sites)
    web.app.after_request(lambda response: _extended(environment, response))
    # Last of all, after what else sets headers: handlers run in the opposite order.
    web.app.after_request_funcs[None].insert(0, guarded)
    protect: Any = web.auth_required_if_enabled
    web.app.add_url_rule(REPORT_PATH, "holdfast_report", protect(report_page))


def refuse_other_sites() -> None:
    """403 for a change that a page of another origin asks for."""
    origin = request.headers.get("Origin")
    if request.method in SAFE_METHODS or origin is None:
        return
    if urlsplit(origin).netloc != request.host:
        abort(403)


def guarded(response: Response) -> Response:
    """The response with headers that keep the page to itself."""
    response.headers.pop("Access-Control-Allow-Origin", None)
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "same-origin"
    return response


def report_page() -> Response:
    """The report of the last run."""
    if run.report is None or not (run.report / "report.html").exists():
        abort(404)
    return send_from_directory(run.report.resolve(), "report.html")


def _extended(environment: Environment, response: Response) -> Response:
    """The figures of Locust with those of the sale, which the tab shows."""
    if request.path.endswith(STATS_PATH) and response.is_json:
        figures: Any = response.get_json()
        rows = list(sale_rows(run.sale, gathering_of(environment).snapshot(), run.failure))
        figures["extended_stats"] = [{"key": TAB, "data": rows}]
        response.set_data(environment.web_ui.app.json.dumps(figures))  # type: ignore[union-attr]
    return response


def sale_rows(sale: str, snapshot: Mapping[str, Any], failure: str = "") -> Iterator[Row]:
    """The table of the tab: what goes on, or what came of the last run."""
    if failure:
        yield _row("Run", "could not begin", failure)
    if not sale:
        yield _row("Sale", "", "none yet: start a run")
        return
    yield _row("Sale", "name", sale)
    yield from _verdict_rows(snapshot.get("result"))
    if "funnel" not in snapshot:
        return
    waits, error = snapshot["waits"], snapshot["estimate_error"]
    for figure in ("waiting", "inside", "holding"):
        yield _row("Line", f"{figure} now", f"{snapshot[figure]:,}")
    yield _row("Line", "wait, half of the called at most", _seconds(waits["p50"]))
    yield _row("Line", "wait, nine in ten at most", _seconds(waits["p90"]))
    yield _row("Line", "error of the estimate, median", _seconds(error["p50"]))
    for stage, count in snapshot["funnel"].items():
        yield _row("Funnel", stage.replace("_", " "), f"{count:,}")
    for code, count in list(snapshot["refusals"].items())[:MAX_REFUSALS_SHOWN]:
        yield _row("Refusals", code, f"{count:,}")


def _verdict_rows(result: Mapping[str, Any] | None) -> Iterator[Row]:
    if result is None:
        yield _row("Verdict", "", "when the run is over")
        return
    verdict = result["verdict"]
    yield _row("Verdict", "of the last run", verdict["summary"])
    yield _row("Verdict", "report", f"at {REPORT_PATH} of this page's address")
    for finding in verdict["findings"]:
        if not finding["held"]:
            yield _row("Verdict", finding["check"], f"BROKEN: {'; '.join(finding['evidence'])}")
    for limit in verdict["thresholds"]:
        mark = "held" if limit["held"] else "NOT HELD"
        measured = "not measured" if limit["measured"] is None else f"{limit['measured']:g}"
        yield _row("Threshold", limit["name"], f"{measured} (limit {limit['limit']:g}): {mark}")
    for stage, count in result["funnel"].items():
        yield _row("Funnel", stage.replace("_", " "), f"{count:,}")


def _row(part: str, figure: str, value: str) -> Row:
    return {"part": part, "figure": figure, "value": value}


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f} s"
