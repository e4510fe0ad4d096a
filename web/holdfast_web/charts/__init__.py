"""Charts that the server draws: series in, HTML with SVG out.

    series          what a chart is drawn from, and the words on it
    scales          which values and times an axis names
    drawing         markup that templates need not escape
    line_charts     values over time, and the small ones without axes
    bar_charts      parts of wholes, and funnels

A chart has no script and no inline style, so it is shown under the strictest policy. It takes the
width that it is given, while its text keeps its size: places along the width are percentages, and
only the curves are stretched. Colours are the variables of `charts.css`, which also follow the
reader's choice of light or dark.
"""

from pathlib import Path
from typing import Final

from holdfast_web.charts.bar_charts import bar_chart, funnel_chart
from holdfast_web.charts.drawing import Drawing
from holdfast_web.charts.line_charts import line_chart, sparkline
from holdfast_web.charts.series import ChartWords, Series, TimeSpan, whole

CHART_STYLE_SHEET: Final = Path(__file__).with_name("charts.css")
CHART_STYLES: Final = CHART_STYLE_SHEET.read_text("utf-8")
"""The style sheet that pages with charts include."""

__all__ = [
    "CHART_STYLES",
    "CHART_STYLE_SHEET",
    "ChartWords",
    "Drawing",
    "Series",
    "TimeSpan",
    "bar_chart",
    "funnel_chart",
    "line_chart",
    "sparkline",
    "whole",
]
