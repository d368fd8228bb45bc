"""What every dashboard has beside its panels: variables, links to the others, annotations.

Variables of one name mean the same on every dashboard, so links between them carry the choice along.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.builders import prometheus
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models.common import DataSourceRef

from dashboards import infinity
from dashboards.parts import DATASOURCE, DATASOURCE_NAME, DATASOURCE_UID, finish

Variable = Builder[models.VariableModel]
#: Title and panels.
Row = tuple[str, Sequence[Builder[models.Panel]]]

TAG: Final = "rapport"
#: On every selector: which installation is looked at. A label that Prometheus's scrape configuration sets.
E: Final = 'environment=~"$environment"'
_FILTER: Final = f'{E},brand=~"$brand",tier=~"$tier",platform=~"$platform",influencer=~"$influencer"'
#: Choice of partnerships, on the two gauges that have all these labels.
CHOSEN: Final = f'{_FILTER},partnership=~"$partnership"'
HEALTH: Final = f"rapport_partnership_health{{{CHOSEN}}}"
_KNOWN: Final = "rapport_partnership_alerts_firing"
#: Alerts firing per partnership: the one gauge that each has, also one whose health cannot be told.
KNOWN: Final = f"{_KNOWN}{{{CHOSEN}}}"
_GRAFANA: Final = DataSourceRef(type_val="grafana", uid="-- Grafana --")


def dashboard(
    uid: str,
    title: str,
    description: str,
    variables: Iterable[Variable],
    rows: Iterable[Row],
    *,
    annotations: Iterable[Builder[models.AnnotationQuery]] = (),
    time_from: str = "now-6h",
    refresh: str = "10s",
) -> dict[str, Any]:
    """A whole dashboard as JSON values.

    Args:
        uid: fixed, it is part of addresses.
        variables: beside data source and environment, which come first.
        annotations: beside deployments.
    """
    made = (
        builders.Dashboard(title)
        .uid(uid)
        .tags([TAG])
        .timezone("browser")
        .refresh(refresh)
        .time(time_from, "now")
        .description(description)
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
        .link(
            builders.DashboardLink("Rapport dashboards")
            .type(models.DashboardLinkType.DASHBOARDS)
            .tags([TAG])
            .as_dropdown(True)
            .include_vars(True)
            .keep_time(True)
            .icon("external link")
            .tooltip("All dashboards of Rapport, with the same choice of data source, brand and partnership")
        )
    )
    for variable in (_prometheus(), _environment(), *variables):
        made = made.with_variable(variable)
    for annotation in (*annotations, _deployments()):
        made = made.annotation(annotation)
    for name, panels in rows:
        made = made.with_row(builders.Row(name))
        for panel in panels:
            made = made.with_panel(panel)
    return finish(made)


# -- variables ----------------------------------------------------------------------------------------------


def _prometheus() -> Variable:
    return (
        builders.DatasourceVariable("datasource")
        .label("Prometheus")
        .type("prometheus")
        .description("The Prometheus that scrapes Rapport's processes.")
        .current(models.VariableOption(selected=True, text=DATASOURCE_NAME, value=DATASOURCE_UID))
    )


def _environment() -> Variable:
    return several(
        "environment",
        "Environment",
        "rapport_build_info, environment",
        "Which installation, where Prometheus sets the label `environment`; else all.",
    )


def api() -> Variable:
    """Which HTTP API to ask; for the rows that say (API). Without one, only these rows are without data."""
    return (
        builders.DatasourceVariable("api")
        .label("API")
        .type(infinity.PLUGIN)
        .description("Rapport's HTTP API, through the Infinity data source; for the rows that say (API).")
        .current(models.VariableOption(selected=True, text=infinity.NAME, value=infinity.UID))
    )


def brand() -> Variable:
    """Brands, several."""
    return several("brand", "Brand", f"{_KNOWN}{{{E}}}, brand", "Whose partnerships are shown.")


def tier() -> Variable:
    """Size classes, several."""
    return several(
        "tier",
        "Tier",
        f'{_KNOWN}{{{E},brand=~"$brand"}}, tier',
        "Size of the influencer: nano, micro, mid, macro, mega.",
    )


def platform() -> Variable:
    """Sources, several."""
    return several(
        "platform",
        "Platform",
        f'{_KNOWN}{{{E},brand=~"$brand",tier=~"$tier"}}, platform',
        "Source of the influencer's newest event.",
    )


def influencer() -> Variable:
    """Influencers, several."""
    return several(
        "influencer",
        "Influencer",
        f'{_KNOWN}{{{E},brand=~"$brand",tier=~"$tier",platform=~"$platform"}}, influencer',
        "Influencers of the chosen brands.",
    )


def partnerships() -> Variable:
    """Partnerships, several."""
    return several(
        "partnership",
        "Partnership",
        f"{_KNOWN}{{{_FILTER}}}, partnership",
        "The partnerships that are shown.",
    )


def partnership() -> Variable:
    """One partnership."""
    return label(
        "partnership",
        "Partnership",
        f"{_KNOWN}{{{_FILTER}}}, partnership",
        "The partnership that is shown.",
    )


def window() -> Variable:
    """How far back "before" is, for trends and means."""
    return (
        builders.IntervalVariable("window")
        .label("Window")
        .description("What now is compared with: the mean over so long.")
        .values("15m,1h,6h,1d,7d,28d")
        .current(models.VariableOption(selected=True, text="6h", value="6h"))
        .auto(False)
    )


def worker() -> Variable:
    """Workers, several."""
    return several(
        "worker",
        "Worker",
        f"rapport_partitions_owned{{{E}}}, instance",
        "Workers whose own figures are shown.",
    )


def several(name: str, label_: str, values_of: str, description: str) -> builders.QueryVariable:
    """Several values of a label, all at first: `.*`, so a query stays short however many there are."""
    return (
        label(name, label_, values_of, description)
        .multi(True)
        .include_all(True)
        .all_value(".*")
        .current(models.VariableOption(selected=True, text=["All"], value=["$__all"]))
    )


def label(name: str, label_: str, values_of: str, description: str) -> builders.QueryVariable:
    """One value of a label, the first to begin with. `values_of` as in `label_values(<this>)`."""
    definition = f"label_values({values_of})"
    return (
        builders.QueryVariable(name)
        .label(label_)
        .description(description)
        .datasource(DATASOURCE)
        .query({"qryType": 1, "query": definition, "refId": "PrometheusVariableQueryEditor-VariableQuery"})
        .definition(definition)
        .refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(models.VariableSort.ALPHABETICAL_ASC)
    )


# -- annotations --------------------------------------------------------------------------------------------


def _deployments() -> Builder[models.AnnotationQuery]:
    versions = f"count by (version, method_version) (rapport_build_info{{{E}}})"
    # A version that was not there a minute ago; the step is below that minute, so none is overlooked.
    before = versions.replace("})", "} offset 1m)")
    return _FromPrometheus(
        "Deployments",
        "blue",
        f"{versions} unless {before}",
        "Version {{version}}, method {{method_version}}",
        "A version of Rapport that did not run a minute ago.",
    )


def firing_in_prometheus() -> Builder[models.AnnotationQuery]:
    """Times in which a chosen partnership had an alert firing, from the gauges."""
    return _FromPrometheus(
        "Alerts firing",
        "red",
        f"max by (partnership) ({KNOWN}) > 0",
        "An alert fires for {{partnership}}",
        "While an alert fires, the time is marked.",
    )


def told_to_grafana(*tags: str) -> Builder[models.AnnotationQuery]:
    """Alerts with their words, drawn by the notifier's receiver of type grafana (docs/alerts.md), all or
    those with these tags too."""
    wanted = builders.AnnotationTarget().limit(100).match_any(False).tags([TAG, *tags]).type("tags")
    return (
        builders.AnnotationQuery()
        .name("Alerts in words")
        .datasource(_GRAFANA)
        .enable(True)
        .hide(False)
        .icon_color("orange")
        .target(wanted)  # type: ignore[arg-type]  # the SDK does not call it a query
    )


class _Words(models.AnnotationQuery):
    """With what Grafana's Prometheus data source reads beside; the SDK's type does not name it."""

    title: str
    text: str

    def to_json(self) -> dict[str, object]:
        """As in the dashboard's JSON."""
        return super().to_json() | {"titleFormat": self.title, "textFormat": self.text}


@dataclass(frozen=True, slots=True)
class _FromPrometheus(Builder[models.AnnotationQuery]):
    """Marks the times at which `expr` has a value."""

    name: str
    color: str
    expr: str
    title: str
    text: str

    def build(self) -> models.AnnotationQuery:
        """The annotation."""
        made = _Words(self.name, DATASOURCE, icon_color=self.color, expr=self.expr)
        made.title, made.text = self.title, self.text
        made.target = prometheus.Dataquery().expr(self.expr).ref_id("Anno").range().interval("30s").build()
        return made
