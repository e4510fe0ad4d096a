"""Dashboards as Grafana reads them, made with Grafana's own library of types."""

import json
from typing import Any, Final

from grafana_foundation_sdk.builders import bargauge, common, stat, statetimeline, timeseries
from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.builders import prometheus as source
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common as options
from grafana_foundation_sdk.models import dashboard as model

from holdfast_monitoring.panel import Dashboard, Drawing, Panel, ValueFormat

SOURCE: Final = model.DataSourceRef(type_val="prometheus", uid="${datasource}")
TAG: Final = "holdfast"
REFRESH: Final = "10s"
CHANGES: Final = (
    "sum by (sale, action) "
    '(increase(holdfast_operator_changes_total{sale=~"$sale"}[$__interval])) > 0'
)
"""one sample where an operator changed a sale: a line in every chart"""
_COLOURS: Final = ("text", "blue", "green", "yellow", "orange", "purple", "text")
"""of the names of states, in their order"""

_Chart = bargauge.Panel | stat.Panel | statetimeline.Panel | timeseries.Panel


def written(dashboard: Dashboard) -> str:
    """The JSON of a dashboard, as it is imported or provisioned."""
    made: dict[str, Any] = json.loads(JSONEncoder().encode(_dashboard(dashboard).build()))
    for annotation in made.get("annotations", {}).get("list", ()):
        # Of the Prometheus data source; the library's type ends at the expression.
        annotation |= {"titleFormat": "{{sale}}: {{action}}", "tagKeys": "action", "step": REFRESH}
    return json.dumps(made, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def _dashboard(dashboard: Dashboard) -> build.Dashboard:
    made = (
        build.Dashboard(dashboard.title)
        .uid(f"holdfast-{dashboard.name}")
        .description(dashboard.description)
        .tags([TAG])
        .readonly()
        .timezone("browser")
        .time("now-1h", "now")
        .refresh(REFRESH)
        .tooltip(model.DashboardCursorSync.CROSSHAIR)
        .link(_other_dashboards())
        .with_variable(build.DatasourceVariable("datasource").label("Source").type("prometheus"))
    )
    if dashboard.by_sale:
        made = made.with_variable(_sales(one=dashboard.one_sale)).annotation(_changes())
    identities = iter(range(1, 1000))
    for row in dashboard.rows:
        made = made.with_row(build.Row(row.title).id(next(identities)))
        for panel in row.panels:
            made = made.with_panel(_drawn(panel).id(next(identities)))
    return made


def _other_dashboards() -> build.DashboardLink:
    link = build.DashboardLink("Holdfast").type(model.DashboardLinkType.DASHBOARDS).tags([TAG])
    return link.as_dropdown(True).keep_time(True).include_vars(True)


def _sales(*, one: bool) -> build.QueryVariable:
    """The variable by which a sale is chosen; its values come from what is scraped."""
    made = (
        build.QueryVariable("sale")
        .label("Sale")
        .datasource(SOURCE)
        .query("label_values(holdfast_waiting, sale)")
        .refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(model.VariableSort.ALPHABETICAL_ASC)
    )
    if one:
        return made
    everything = model.VariableOption(text="All", value="$__all")
    return made.multi(True).include_all(True).all_value(".*").current(everything)


def _changes() -> build.AnnotationQuery:
    made = build.AnnotationQuery().name("Operators' changes").datasource(SOURCE).enable(True)
    return made.icon_color("orange").expr(CHANGES)


def _drawn(panel: Panel) -> _Chart:
    chart = _chart(panel)
    chart = (
        chart.title(panel.title)
        .description(panel.description)
        .datasource(SOURCE)
        .height(panel.height)
        .span(panel.width)
        .unit(panel.unit.value)
        .thresholds(_thresholds(panel))
    )
    if panel.from_zero:
        chart = chart.min(0)
    if panel.may_be_empty:
        chart = chart.no_value("-")
    if panel.unit is ValueFormat.YES_NO:
        chart = chart.max(1)
    if panel.names:
        chart = chart.mappings([_mapping(panel.names)])
    for place, (legend, expression) in enumerate(panel.queries.items()):
        target = source.Dataquery().expr(expression).legend_format(legend)
        target = target.ref_id(chr(ord("A") + place)).datasource(SOURCE)
        instant = panel.drawing in (Drawing.NUMBER, Drawing.NAMES, Drawing.BARS)
        chart = chart.with_target(target.instant() if instant else target.range())
    return chart


def _chart(panel: Panel) -> _Chart:
    last = common.ReduceDataOptions().calcs(["lastNotNull"])
    match panel.drawing:
        case Drawing.NUMBER:
            named = panel.names or panel.threshold
            colour = options.BigValueColorMode.VALUE if named else options.BigValueColorMode.NONE
            return stat.Panel().reduce_options(last).color_mode(colour)
        case Drawing.NAMES:
            shown_names = stat.Panel().reduce_options(last)
            return shown_names.text_mode(options.BigValueTextMode.NAME)
        case Drawing.BARS:
            shown = (
                bargauge.Panel()
                .reduce_options(last)
                .display_mode(options.BarGaugeDisplayMode.BASIC)
            )
            return shown.orientation(options.VizOrientation.HORIZONTAL)
        case Drawing.STATES:
            shown_states = statetimeline.Panel().show_value(options.VisibilityMode.AUTO)
            return shown_states.merge_values(True).fill_opacity(70)
        case Drawing.LINES | Drawing.STACKED:
            return _lines(panel)


def _lines(panel: Panel) -> timeseries.Panel:
    tooltip = common.VizTooltipOptions().mode(options.TooltipDisplayMode.MULTI)
    legend = common.VizLegendOptions().display_mode(options.LegendDisplayMode.LIST)
    legend = legend.placement(options.LegendPlacement.BOTTOM).show_legend(True)
    chart = timeseries.Panel().tooltip(tooltip).legend(legend).line_width(2).fill_opacity(8)
    chart = chart.show_points(options.VisibilityMode.NEVER)
    if panel.drawing is Drawing.STACKED:
        stacking = common.StackingConfig().mode(options.StackingMode.NORMAL).group("A")
        chart = chart.stacking(stacking).fill_opacity(50)
    if panel.threshold:
        mode = options.GraphThresholdsStyleMode.DASHED
        chart = chart.thresholds_style(common.GraphThresholdsStyleConfig().mode(mode))
    return chart


def _thresholds(panel: Panel) -> build.ThresholdsConfig:
    """The first begins at minus infinity, which Grafana writes as null."""
    bound = panel.threshold
    below, above = ("red", "green") if bound and bound.falling else ("green", "red")
    steps = [model.Threshold(None, below)]
    if bound:
        steps.append(model.Threshold(bound.value, above))
    return build.ThresholdsConfig().mode(model.ThresholdsMode.ABSOLUTE).steps(steps)


def _mapping(names: tuple[str, ...]) -> model.ValueMap:
    return model.ValueMap(
        {
            str(place): model.ValueMappingResult(name.replace("_", " "), colour, index=place)
            for place, (name, colour) in enumerate(zip(names, _COLOURS, strict=True))
        }
    )
