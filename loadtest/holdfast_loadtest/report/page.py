"""The report as one HTML file, which needs nothing else: no script, no font, no address.

Its policy forbids to load anything. Every text of the run is escaped by the template; only the
charts, whose texts `holdfast_simulator.chart` escapes, are taken as they are.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from holdfast_loadtest.report import words
from holdfast_loadtest.report.charts import draw_charts
from holdfast_loadtest.report.result import RunResult
from holdfast_loadtest.report.run_facts import RunFacts

FUNNEL_LABELS: Final = {
    "arrived": "Arrived",
    "joined": "Joined the line",
    "called": "Were called",
    "admitted": "Came into the shop",
    "held": "Held something",
    "paying": "Went to pay",
    "confirmed": "Have an order",
}
HEADLINES: Final = {
    "ok": "Every promise was held",
    "breach": "Promises were broken",
    "unknown": "No verdict is possible",
    "interrupted": "The run was interrupted",
}


def write_page(result: RunResult, facts: RunFacts, path: Path) -> None:
    path.write_text(render_page(result, facts), encoding="utf-8")


def render_page(result: RunResult, facts: RunFacts) -> str:
    """The whole page."""
    summary = result.verdict.summary.removeprefix("Verdict: ")
    named = (words.count, words.duration, words.number, words.percent)
    return render_template(
        "report/report.html",
        {filter_.__name__: filter_ for filter_ in named},
        # Charts escape their texts themselves.
        charts=[
            {size: Markup(drawing) for size, drawing in chart.items()}  # noqa: S704
            for chart in draw_charts(result)
        ],
        result=result,
        facts=facts,
        headline=_headline(result),
        how=words.HOW,
        summary=summary[:1].upper() + summary[1:],
        started=(result.started_at or "").replace("T", " ").replace("+00:00", " UTC"),
        funnel=_funnel(result),
        thresholds=_thresholds(result),
        scenario=json.dumps(facts.world, indent=2, ensure_ascii=False, default=str),
        settings=facts.settings,
    )


def render_template(name: str, filters: Mapping[str, Callable[..., str]], **values: object) -> str:
    """A template of this package with the style sheet of reports; it escapes every text."""
    package = files("holdfast_loadtest")
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(filters)
    styles = Markup((package / "report" / "report.css").read_text("utf-8"))  # noqa: S704 - ours
    template = environment.from_string((package / name).read_text("utf-8"))
    return template.render(styles=styles, **values)


def _headline(result: RunResult) -> str:
    verdict = result.verdict
    if verdict.outcome == "breach" and all(finding.held for finding in verdict.findings):
        return "Every promise was held, not every threshold"
    return HEADLINES[verdict.outcome]


def _funnel(result: RunResult) -> list[dict[str, Any]]:
    """Each stage with its share of those who arrived, and of the stage before."""
    stages = []
    before = arrived = result.funnel.arrived
    for name, label in FUNNEL_LABELS.items():
        people = getattr(result.funnel, name)
        stages.append(
            {
                "label": label,
                "count": people,
                "width": f"{100 * people / arrived:.2f}" if arrived else "0",
                "share": f"{people / before:.0%}" if 0 < people <= before else "",
            }
        )
        before = people
    return stages


def _thresholds(result: RunResult) -> list[dict[str, Any]]:
    return [
        {
            "label": words.threshold_label(one.name),
            "name": one.name,
            "limit": words.figure(one.name, one.limit),
            "bound": words.bound(one.name),
            "measured": words.figure(one.name, one.measured),
            "held": one.held,
        }
        for one in result.verdict.thresholds
    ]
