"""The queries of the HTTP API: built as Infinity wants them, and known to the API's own document."""

from __future__ import annotations

import asyncio
import json

import httpx
import pytest
import redis.asyncio as aioredis
from grafana_foundation_sdk.cog.encoder import JSONEncoder

from dashboards import build, infinity
from streams.serve.app import build_app
from streams.serve.auth import Served
from streams.settings import Settings
from tests.dashboards.infinity_reader import at, targets, undocumented, value

TARGETS = dict(targets(build.dashboards()))


@pytest.fixture(scope="module")
def document():
    async def ask():
        async def publish(key, value):
            raise AssertionError

        client = aioredis.Redis.from_url("redis://127.0.0.1:1")  # never asked
        transport = httpx.ASGITransport(build_app(Served(Settings(), client, publish, lambda: 0.0)))
        async with httpx.AsyncClient(transport=transport, base_url="http://api") as http:
            return (await http.get("/api/v1/openapi.json")).json()

    return asyncio.run(ask())


@pytest.mark.parametrize("name", TARGETS)
def test_the_api_knows_what_a_query_asks_and_takes(document, name):
    assert undocumented(document, TARGETS[name]) == []


@pytest.mark.parametrize("name", TARGETS)
def test_a_query_is_as_the_plugin_wants_it(name):
    target = TARGETS[name]
    assert target["datasource"] == {"type": infinity.PLUGIN, "uid": "${api}"}
    assert (target["type"], target["source"], target["parser"]) == ("json", "url", "backend")
    assert target["url"].startswith("/api/v1/") and "?" not in target["url"]
    assert target["url_options"]["method"] == "GET"
    # Once each: how the plugin treats a parameter that is there twice, its documentation does not say.
    keys = [item["key"] for item in target["url_options"]["params"]]
    assert len(set(keys)) == len(keys)
    titles = [column["text"] for column in target["columns"]]
    assert titles and len(set(titles)) == len(titles)
    # Plain paths only: gjson, JSONata and JMESPath read these alike.
    for selector in (target["root_selector"], *(column["selector"] for column in target["columns"])):
        assert all(part.isidentifier() for part in selector.split(".") if selector)


def test_panels_of_the_api_lie_in_rows_of_their_own_behind_all_others():
    for board in build.dashboards().values():
        marked = False
        for panel in board["panels"]:
            if panel["type"] == "row":
                assert not marked or panel["title"].endswith("(API)"), panel["title"]
                marked = panel["title"].endswith("(API)")
            else:
                asked = {target["datasource"]["type"] for target in panel["targets"]}
                assert asked == {infinity.PLUGIN if marked else "prometheus"}, panel["title"]


def test_a_query_follows_the_sdks_protocol():
    query = infinity.Query(
        "/api/v1/x", "items", (infinity.Column("a.b", "B", "number"),), (("k", "${v}"),), ref="C"
    )
    made = json.loads(json.dumps(query.build(), cls=JSONEncoder))
    assert made["refId"] == "C" and made["columns"] == [{"selector": "a.b", "text": "B", "type": "number"}]
    assert made["url_options"]["params"] == [{"key": "k", "value": "${v}"}]


def test_the_reader_is_strict():
    assert at({"a": {"b": 1}}, "a.b") == 1 and at({"a": 1}, "a.b") is None and at([1], "") == [1]
    assert value(None, {"type": "number"}) is None
    for kind, wrong in (("number", "1"), ("number", True), ("string", 1), ("boolean", 1)):
        with pytest.raises(AssertionError):
            value(wrong, {"type": kind})
    with pytest.raises(ValueError, match="isoformat"):
        value("yesterday", {"type": "timestamp"})
