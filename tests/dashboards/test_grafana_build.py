"""The dashboards as JSON: complete, about metrics that exist, and the same as the checked-in files."""

import json
import re
from pathlib import Path
from typing import get_args

import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models import nodegraph, stat, table, timeseries
from prometheus_client import Histogram
from prometheus_client.metrics import MetricWrapperBase

from dashboards import build, parts, provision
from dashboards.views import board as views_board
from schemas.alerts import Signal as AlertSignal
from streams import metrics

DASHBOARDS = build.dashboards()
PANELS = [
    (uid, panel) for uid, board in DASHBOARDS.items() for panel in board["panels"] if panel["type"] != "row"
]
TARGETS = [
    (panel, target)
    for _, panel in PANELS
    for target in panel["targets"]
    if target["datasource"]["uid"] == "${datasource}"
]
#: What prometheus_client's own collectors add to every process.
PROCESS_METRICS = {"process_resident_memory_bytes", "process_cpu_seconds_total"}


def exposed_names() -> set[str]:
    names = set()
    for metric in vars(metrics).values():
        if isinstance(metric, MetricWrapperBase):
            for family in metric.describe():
                names.add(family.name + ("_total" if family.type == "counter" else ""))
                if isinstance(metric, Histogram):
                    names |= {f"{family.name}_{suffix}" for suffix in ("bucket", "sum", "count")}
    return names


def used_names(expr: str) -> set[str]:
    return set(re.findall(r"\b(?:rapport|process)_[a-z_]+", expr))


def labels_of(name: str) -> set[str]:
    for metric in vars(metrics).values():
        if isinstance(metric, MetricWrapperBase) and metric._name == re.sub(
            r"_(total|bucket|count)$", "", name
        ):
            return set(metric._labelnames) | {"le", "instance", "job"}
    raise AssertionError(name)


def panel_id(value: tuple[str, dict]) -> str:
    return f"{value[0]}:{value[1]['id']}"


@pytest.mark.parametrize("panel", PANELS, ids=panel_id)
def test_every_panel_is_complete(panel):
    _, panel = panel
    assert panel["title"] and len(panel["description"]) > 20
    assert panel["pluginVersion"] == "12.3.0"
    of_api = panel["datasource"]["uid"] == "${api}"  # test_infinity.py has more of them
    assert panel["datasource"]["uid"] in ("${datasource}", "${api}")
    assert panel["type"] == "nodeGraph" or panel["fieldConfig"]["defaults"]["unit"]
    assert panel["options"]
    refs = [target["refId"] for target in panel["targets"]]
    assert refs and len(set(refs)) == len(refs)
    for target in panel["targets"]:
        assert target["datasource"] == panel["datasource"]
        assert of_api or target["instant"] != target["range"]


@pytest.mark.parametrize("panel", PANELS, ids=panel_id)
def test_the_sdks_types_know_every_option(panel):
    """What a type does not know is lost on the way through it: a misspelt option, one of another Grafana."""
    _, panel = panel
    types = {"timeseries": timeseries, "stat": stat, "table": table, "nodeGraph": nodegraph}[panel["type"]]
    assert _plain(types.Options.from_json(panel["options"])) == panel["options"]
    custom = panel["fieldConfig"]["defaults"].get("custom")
    if custom is not None:
        assert _plain(types.FieldConfig.from_json(custom)) == custom
    assert _plain(models.Panel.from_json(panel))["gridPos"] == panel["gridPos"]


def _plain(model):
    return json.loads(json.dumps(model, cls=JSONEncoder))


def test_numbers_and_scores_have_thresholds():
    for _, panel in PANELS:
        if panel["type"] in ("stat", "table"):
            assert panel["fieldConfig"]["defaults"]["thresholds"]["steps"]


def test_an_empty_cell_is_not_coloured_as_the_worst():
    for _, panel in PANELS:
        for override in panel["fieldConfig"]["overrides"]:
            told = {item["id"]: item["value"] for item in override["properties"]}
            if told.get("custom.cellOptions", {}).get("type") == "color-background":
                assert parts.NOTHING in told["mappings"], (panel["title"], override["matcher"])


def test_uids_are_fixed_and_ids_are_unique():
    names = ("board", "partnership", "relationships", "detection", "pipeline")
    assert set(DASHBOARDS) == {f"rapport-{name}" for name in names}
    for uid, board in DASHBOARDS.items():
        assert board["uid"] == uid and board["schemaVersion"] == 42
        ids = [panel["id"] for panel in board["panels"]]
        assert ids == sorted(set(ids))


def test_panels_do_not_overlap():
    for board in DASHBOARDS.values():
        taken = {}
        for panel in board["panels"]:
            grid = panel["gridPos"]
            assert grid["x"] + grid["w"] <= 24
            for x in range(grid["x"], grid["x"] + grid["w"]):
                for y in range(grid["y"], grid["y"] + grid["h"]):
                    assert taken.setdefault((x, y), panel["id"]) == panel["id"]


@pytest.mark.parametrize("target", TARGETS, ids=lambda value: f"{value[0]['id']}{value[1]['refId']}")
def test_queries_use_metrics_and_labels_that_exist(target):
    panel, target = target
    expr = target["expr"]
    used = used_names(expr)
    assert used
    assert used <= exposed_names() | PROCESS_METRICS
    allowed = set().union(*(labels_of(name) for name in used - PROCESS_METRICS))
    for group in re.findall(r"\bby \(([^)]*)\)", expr):
        assert {label.strip() for label in group.split(",")} <= allowed
    legend_labels = re.findall(r"\{\{(\w+)\}\}", target.get("legendFormat", ""))
    assert set(legend_labels) <= allowed, panel["title"]


def test_every_metric_of_the_worker_is_shown_somewhere():
    shown = set().union(*(used_names(target["expr"]) for _, target in TARGETS))
    bases = {re.sub(r"_bucket$", "", name) for name in shown}
    for metric in vars(metrics).values():
        if isinstance(metric, MetricWrapperBase):
            family = metric.describe()[0]
            name = family.name + ("_total" if family.type == "counter" else "")
            assert name in bases


def test_counters_are_shown_as_rates_over_the_rate_interval():
    for _, target in TARGETS:
        for name in used_names(target["expr"]):
            if name.endswith(("_total", "_bucket")):
                rate = rf"rate\({name}\{{[^}}]*\}}\[\$__rate_interval\]\)"
                total = rf"increase\({name}\{{[^}}]*\}}\[(\$__range|1h)\]\)"
                assert re.search(f"{rate}|{total}", target["expr"])


def test_rate_interval_stays_out_of_legends_titles_and_variables():
    for board in DASHBOARDS.values():
        assert "__rate_interval" not in json.dumps(board["templating"])
        for panel in board["panels"]:
            for target in panel.get("targets", []):
                assert "__rate_interval" not in target.get("legendFormat", "") + panel["title"]


@pytest.mark.parametrize("uid", DASHBOARDS)
def test_variables_have_one_meaning_and_all_is_one_short_pattern(uid):
    variables = {item["name"]: item for item in DASHBOARDS[uid]["templating"]["list"]}
    assert list(variables)[:2] == ["datasource", "environment"]
    assert variables["datasource"]["query"] == "prometheus"
    for item in variables.values():
        assert item["description"] and item["label"]
        if item["type"] == "query":
            assert item["datasource"]["uid"] == "${datasource}"
            assert used_names(item["query"]["query"]) <= exposed_names()
            if (uid, item["name"]) != ("rapport-partnership", "partnership"):
                assert item["multi"] and item["includeAll"] and item["allValue"] == ".*"
        for other in DASHBOARDS.values():
            same = {found["name"]: found for found in other["templating"]["list"]}.get(item["name"], item)
            assert same == item or item["name"] == "partnership"
    if "partnership" in variables:
        assert 'brand=~"$brand"' in variables["partnership"]["query"]["query"]


def test_every_selector_holds_to_the_environment():
    for _, target in TARGETS:
        for selector in re.findall(r"rapport_\w+(\{[^}]*\})?", target["expr"]):
            assert 'environment=~"$environment"' in selector, target["expr"]


def test_every_variable_that_is_used_exists():
    for board in DASHBOARDS.values():
        names = {item["name"] for item in board["templating"]["list"]} | {"__rate_interval", "__range"}
        for panel in board["panels"]:
            for target in panel.get("targets", []):
                assert set(re.findall(r"\$\{?(\w+)", json.dumps(target))) <= names | {"datasource", "api"}


def test_links_carry_the_choice_of_variables_and_time():
    for board in DASHBOARDS.values():
        (link,) = board["links"]
        assert link["includeVars"] and link["keepTime"] and link["tags"] == ["rapport"] == board["tags"]
    overrides = next(panel for _, panel in PANELS if panel["title"] == "Board")["fieldConfig"]["overrides"]
    (partnership,) = [item for item in overrides if item["matcher"]["options"] == "Partnership"]
    url = next(item for item in partnership["properties"] if item["id"] == "links")["value"][0]["url"]
    assert url.startswith("/d/rapport-partnership?var-partnership=${__value.text:percentencode}")
    assert "${__url_time_range}" in url and "${brand:queryparam}" in url
    assert "rapport-partnership" in DASHBOARDS


def test_annotations_mark_alerts_and_deployments():
    for uid, board in DASHBOARDS.items():
        names = [item["name"] for item in board["annotations"]["list"]]
        assert "Deployments" in names and all(item["enable"] for item in board["annotations"]["list"])
        assert "Alerts in words" in names or uid == "rapport-pipeline"
    (words,) = [
        item for item in DASHBOARDS["rapport-partnership"]["annotations"]["list"] if "target" in item
        and item["target"].get("type") == "tags"
    ]  # fmt: skip
    # The tags that the notifier's receiver of type grafana gives (streams/receivers/grafana.py).
    assert words["target"]["tags"] == ["rapport", "partnership:$partnership"]


def test_checked_in_files_are_what_the_code_writes():
    wanted = build.files()
    found = {
        str(path.relative_to(build.CHECKED_IN)) for path in build.CHECKED_IN.rglob("*") if path.is_file()
    }
    assert found == set(wanted), "run: python -m dashboards.build"
    for name, text in wanted.items():
        assert (build.CHECKED_IN / name).read_text(encoding="utf-8") == text, (
            "run: python -m dashboards.build"
        )


def test_export_writes_files_that_point_at_the_given_places(tmp_path: Path):
    paths = build.export(
        tmp_path / "new" / "place", prometheus_url="http://127.0.0.1:9", dashboards_path="/srv/boards"
    )
    assert all(path.is_file() for path in paths)
    under = tmp_path / "new" / "place" / "grafana"
    source = yaml.safe_load((under / "datasources" / "rapport.yaml").read_text())["datasources"][0]
    provider = yaml.safe_load((under / "dashboards" / "rapport.yaml").read_text())["providers"][0]
    assert source["url"] == "http://127.0.0.1:9" and source["uid"] == provision.DATASOURCE_UID
    assert provider["options"]["path"] == "/srv/boards" and provider["folderUid"] == provision.FOLDER_UID
    written = json.loads((under / "json" / "rapport-board.json").read_text())
    assert written == DASHBOARDS["rapport-board"]


def test_the_board_has_a_column_for_each_signal_of_the_contract():
    contract = set(get_args(AlertSignal)) - {"health", "source"}
    assert set(views_board.SIGNALS) == contract


def test_building_twice_gives_the_same():
    assert build.dashboards() == DASHBOARDS
