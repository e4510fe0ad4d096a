"""Report: what happened in the sale, on a page of the console, to print and as a file."""

from typing import Final

from holdfast_console.api import sale_url
from holdfast_console.report.page import report_body
from holdfast_console.screen import (
    ConsolePage,
    Download,
    Screen,
    ScreenAnswer,
    ScreenRequest,
)


async def show(request: ScreenRequest) -> ConsolePage:
    """The report's sections within the console."""
    report = await request.api.get(sale_url(request.sale, "/report"))
    return ConsolePage(
        "report.html", {"body": report_body(report, request.texts), "report": report}
    )


async def export(request: ScreenRequest) -> ScreenAnswer:
    """The document to print and keep, or its figures as JSON."""
    kind = "json" if request.parameters.get("format") == "json" else "html"
    path = sale_url(request.sale, "/report")
    query = {"format": kind, "lang": request.texts.language if kind == "html" else None}
    answer = await request.api.ask("GET", path, query=query)
    content_type = "application/json" if kind == "json" else "text/html; charset=utf-8"
    return Download(answer.body, content_type, f"{request.sale}-report.{kind}")


SCREEN: Final = Screen("report", "/sales/{sale}/report", show)
EXPORT: Final = Screen("report_export", "/sales/{sale}/report/export", export, listed=False)
