"""notify.yaml: routes with Alertmanager's semantics, and mistakes told with their line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.acts import LABELS
from schemas.receivers import Rate
from schemas.routing import DEPTH_MAX, Routing, load_routing, resolved_routes, route_of
from schemas.yamlfile import YamlError

FILE = """
route:
  receiver: board
  repeat_interval: 6h
  routes:
    - matchers: [severity=critical]
      receiver: phone
      group_wait: 0s
      continue: true
    - matchers: ['brand_id=acme']
      receivers: [acme, board]
      group_by: [influencer_id]
      routes:
        - matchers: ['signal=~"conn.*|fit"']
          group_interval: 1h30m
        - matchers: ['signal!=health', {name: rule, value: drop}]
          receiver: phone
receivers:
  - {name: board, type: kafka}
  - {name: phone, type: apprise, url: 'env:PHONE', rate_limit: 5/h, timeout: 20s}
  - {name: acme, type: webhook, url: 'https://acme.example/hook', secrets: ['env:S']}
"""


def taken(**labels: str) -> list[tuple[str, tuple[str, ...]]]:
    return [(route.key, route.receivers) for route in route_of(load_routing(FILE), labels)]


def test_the_first_child_that_matches_takes_an_alert_and_later_ones_after_continue():
    assert taken(severity="warning", brand_id="bolt") == [("route", ("board",))]
    assert taken(severity="critical", brand_id="bolt") == [("route/0", ("phone",))]
    assert taken(severity="critical", brand_id="acme", signal="connection") == [
        ("route/0", ("phone",)), ("route/1/0", ("acme", "board")),
    ]  # fmt: skip
    assert taken(brand_id="acme", signal="authenticity", rule="drop") == [("route/1/1", ("phone",))]
    assert taken(brand_id="acme", signal="health", rule="leak") == [("route/1", ("acme", "board"))]


def test_what_is_not_named_is_inherited():
    (route,) = route_of(load_routing(FILE), {"brand_id": "acme", "signal": "connection"})
    assert route.group_by == ("influencer_id",) and route.repeat_interval == 6 * 3_600
    assert (route.group_wait, route.group_interval) == (30.0, 5_400.0)
    assert route.group_labels({"influencer_id": "i", "brand_id": "acme"}) == {"influencer_id": "i"}
    root = resolved_routes(load_routing(FILE))[0]
    assert root.group_by == ("partnership_id",) and root.group_labels({}) == {"partnership_id": ""}


def test_values_of_receivers():
    board, phone, hook = load_routing(FILE).receivers
    assert board.rate_limit == Rate(60, 60.0) and board.send_resolved
    assert phone.rate_limit == Rate(5, 3_600.0) and phone.timeout == 20.0
    assert hook.type == "webhook" and not hook.allow_private


@given(
    st.dictionaries(st.sampled_from(LABELS), st.sampled_from(["acme", "critical", "connection", "drop", ""]))
)
def test_every_alert_takes_a_route_of_the_file(labels):
    routing = load_routing(FILE)
    keys = {route.key for route in resolved_routes(routing)}
    found = route_of(routing, labels)
    assert found and all(route.key in keys and route.receivers for route in found)


@pytest.mark.parametrize(
    ("old", "new", "field", "says"),
    [
        ("repeat_interval: 6h", "repeat_interval: 6", "route.repeat_interval", "with its unit"),
        ("repeat_interval: 6h", "repeat_interval: -6h", "route.repeat_interval", "with its unit"),
        ("repeat_interval: 6h", "repeat_intervall: 6h", "route.repeat_intervall", ""),
        ("receiver: phone\n      group_wait", "receiver: fone\n      group_wait", "", "'fone'"),
        ("[severity=critical]", "[severitee=critical]", "matchers", "severity"),
        ("[severity=critical]", "['severity=~(']", "matchers", "regular expression"),
        ("group_by: [influencer_id]", "group_by: [influencer]", "group_by", "influencer_id"),
        ("rate_limit: 5/h", "rate_limit: 5/fortnight", "rate_limit", "60/m"),
        ("url: 'env:PHONE'", "url: 'mailto://ann:hunter2@x'", "url", "env:RAPPORT_SECRET"),
        ("'https://acme.example/hook'", "'ftp://acme.example'", "url", "https://"),
        ("'https://acme.example/hook'", "'https://a:hunter2@acme.example'", "url", "user or password"),
        ("secrets: ['env:S']", "secrets: ['whsec_hunter2']", "secrets", "environment variable"),
        ("\nreceivers:\n", "\nlinks: {dashboard: 'javascript:x'}\nreceivers:\n", "links.dashboard", "https"),
        ("type: kafka", "type: kafkaa", "receivers", "kafka"),
        ("name: acme", "name: board", "receivers", "twice"),
        ("  receiver: board", "  matchers: [rule=drop]\n  receiver: board", "route", "every alert"),
        ("route:\n  receiver: board\n", "route:\n", "route", "needs a `receiver`"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_line_and_field_and_no_secret(old, new, field, says):
    assert FILE.count(old) == 1, old
    text = FILE.replace(old, new)
    with pytest.raises(YamlError) as caught:
        load_routing(text)
    told = str(caught.value)
    assert says in told and "hunter2" not in told
    assert any(field in problem.field for problem in caught.value.problems)
    assert all(problem.line >= 1 for problem in caught.value.problems)


def test_routes_without_end_are_refused():
    route: dict = {"receiver": "a"}
    for _ in range(DEPTH_MAX + 1):
        route = {"receiver": "a", "routes": [route]}
    with pytest.raises(ValueError, match="nested at most"):
        Routing.model_validate({"route": route, "receivers": [{"name": "a", "type": "kafka"}]})
