"""The rules as Grafana keeps them: the same as Prometheus's, in Grafana's words."""

import json
import re

import pytest

from dashboards import build, provision
from dashboards.alert_rules import RULES
from dashboards.managed_rules import contact_point, group
from streams.times import parse_span

GROUP = group("rapport", "Rapport operations")
#: All but the one that rings always: Grafana would tell people of it.
KEPT = [rule for rule in RULES if rule.name != "RapportWatchdog"]
PAIRS = list(zip(KEPT, GROUP["rules"], strict=True))


@pytest.mark.parametrize("rule, made", PAIRS, ids=[rule.name for rule in KEPT])
def test_a_rule_is_the_same_in_grafana(rule, made):
    query, condition = made["data"]
    assert query["model"]["expr"] == rule.expr and query["model"]["instant"]
    assert query["datasourceUid"] == provision.DATASOURCE_UID
    # Prometheus alerts on every value that an expression has, 0 and negative ones too.
    assert condition["model"]["expression"] == "is_number($A)" and made["condition"] == condition["refId"]
    assert made["noDataState"] == "OK", "the expressions have no value while all is well"
    assert made["title"] == rule.name and made["labels"] == {"severity": rule.severity}
    assert re.fullmatch(r"\d+[sm]|1h", made["for"])
    if rule.wait != "0m":
        assert parse_span(made["for"]) == parse_span(rule.wait)


def test_words_name_the_value_as_grafana_does():
    text = json.dumps([made["annotations"] for made in GROUP["rules"]])
    assert "$values.A.Value" in text and not re.search(r"\$value\b", text)
    assert all(made["annotations"]["runbook"].endswith(f"{made['title']}.md") for made in GROUP["rules"])


@pytest.mark.parametrize("rule, made", PAIRS, ids=[rule.name for rule in KEPT])
def test_an_alert_opens_a_panel_that_shows_what_it_is_about(rule, made):
    board = build.dashboards()[made["annotations"]["__dashboardUid__"]]
    (panel,) = [one for one in board["panels"] if str(one["id"]) == made["annotations"]["__panelId__"]]
    asked = set(re.findall(r"rapport_\w+", rule.expr)) or {"rapport_partitions_owned", "rapport_notifier"}
    assert panel["type"] != "row" and any(name in json.dumps(panel["targets"]) for name in asked)


def test_uids_are_grafanas_and_each_ones_own():
    uids = [made["uid"] for made in GROUP["rules"]]
    assert len(set(uids)) == len(uids) and all(re.fullmatch(r"[a-z-]{1,40}", uid) for uid in uids)
    assert "rapport-worker-missing" in uids


def test_a_contact_is_a_webhook_or_mail():
    assert contact_point("https://hooks.example/x")["settings"]["url"] == "https://hooks.example/x"
    assert contact_point(" a@b.example ,c@d.example")["settings"]["addresses"] == "a@b.example;c@d.example"
    with pytest.raises(ValueError, match="neither"):
        contact_point("ftp://hooks.example")
