"""/api/v1/partnerships, readings and what belongs to them: listed, read, made, ended; by brand."""

from __future__ import annotations

import json
import re
import secrets
import shlex
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import redis

from processors import history
from processors.influencer import Influencer
from processors.panes import HOUR
from processors.scores import Score
from processors.state.layout import PartitionKeys, partition_of
from schemas.topics import EVENTS
from streams.errors import StoreUnavailableError
from streams.settings import Settings
from tests.servers import REPO, RedisServer
from tests.streams.api_world import Api
from tests.streams.people_world import NOW, reading, write

pytestmark = pytest.mark.servers
PATH = "/api/v1/partnerships"


@pytest.fixture
async def api(server: RedisServer) -> AsyncIterator[Api]:
    settings = Settings(redis_url=server.url, namespace=f"t{secrets.token_hex(4)}", serve_rate=60_000)
    write(settings)
    keys = [PartitionKeys(settings.namespace, settings.topic(EVENTS), number) for number in range(2)]
    with redis.Redis.from_url(settings.redis_url) as client:
        for name in ("ann", "bob"):  # who was heard of
            inf = Influencer(name)
            inf.meta.first_at = inf.meta.max_at = NOW.timestamp()
            if name == "ann":
                for at in range(int(NOW.timestamp()) // HOUR - 8 * 24, int(NOW.timestamp()) // HOUR + 1):
                    inf.histories["acme--ann"] = history.grown(
                        inf.histories.get("acme--ann"), at * HOUR, Score(82.0, lo=80.0, hi=85.0), {}
                    )
                inf.mark("sp:acme--ann")
            client.hset(keys[partition_of(name, 2)].influencer(name), items=inf.writes()[0])
    made = Api(settings)
    yield made
    await made.close()


async def test_lists_are_sorted_filtered_and_paged(api: Api) -> None:
    head = await api.token()
    page = await api.ask("GET", PATH, headers=head)
    assert [one["partnership_id"] for one in page["items"]] == ["acme--ann", "bolt--bob", "acme--new"]
    assert page["total"] == 3 and page["next"] is None and page["complete"]
    ann, _, new = page["items"]
    assert ann["state"] == "firing" and {one["alert_id"] for one in ann["alerts"]} == {"aaaa1111", "aaaa2222"}
    assert ann["health"]["value"] == 60 and ann["trend"][-1] == 82.0 and len(ann["trend"]) >= 8
    assert new["state"] == "warming_up" and new["at"] is None and new["health"]["why"] == "no reading yet"
    for query, names in (
        ("brand=bolt", ["bolt--bob"]), ("influencer=ann", ["acme--ann"]), ("tier=mega", []),
        ("state=warming_up", ["acme--new"]),
        ("state=firing&state=warming_up", ["acme--ann", "bolt--bob", "acme--new"]),
        ("source=x", []), ("sort=partnership_id", ["acme--ann", "acme--new", "bolt--bob"]),
        ("sort=health&descending=true", ["bolt--bob", "acme--ann", "acme--new"]),
        ("sort=brand&descending=true", ["bolt--bob", "acme--new", "acme--ann"]),
        ("sort=connection", ["acme--ann", "bolt--bob", "acme--new"]),
    ):  # fmt: skip
        found = await api.ask("GET", f"{PATH}?{query}", headers=head)
        assert [one["partnership_id"] for one in found["items"]] == names, query
        seen: list[str] = []
        more: Any = await api.ask("GET", f"{PATH}?{query}&limit=1", headers=head)
        while True:
            seen += [one["partnership_id"] for one in more["items"]]
            if more["next"] is None:
                break
            more = await api.ask("GET", f"{PATH}?{query}&limit=1&cursor={more['next']}", headers=head)
        assert seen == names, query
    first = await api.ask("GET", f"{PATH}?limit=1", headers=head)
    for bad in ("sort=charm", "limit=0", "state=x", "cursor=%00", f"sort=at&cursor={first['next']}"):
        await api.ask("GET", f"{PATH}?{bad}", 422, headers=head)
    csv = (await api.client.get(f"{PATH}?format=csv", headers=head)).text.splitlines()
    assert csv[0].startswith("partnership_id,brand_id") and csv[1].startswith(
        "acme--ann,acme,ann,,,firing,60"
    )


async def test_one_partnership_whole_with_etag_and_head(api: Api) -> None:
    head = await api.token()
    whole = await api.ask("GET", f"{PATH}/acme--ann", headers=head)
    assert whole["partnership"]["brand_terms"] == ["acme"] and whole["state"] == "firing"
    assert whole["reading"]["health"]["value"] == 60 and len(whole["alerts"]) == 2
    assert whole["reading"] == await api.ask("GET", f"{PATH}/acme--ann/reading", headers=head)
    new = await api.ask("GET", f"{PATH}/acme--new", headers=head)
    assert new["reading"] is None and new["state"] == "warming_up"
    await api.ask("GET", f"{PATH}/acme--new/reading", 404, headers=head)
    full = await api.client.get(f"{PATH}/acme--ann", headers=head)
    bare = await api.client.head(f"{PATH}/acme--ann", headers=head)
    assert bare.status_code == 200 and not bare.content
    assert {n: bare.headers[n] for n in ("etag", "content-length")} == {
        n: full.headers[n] for n in ("etag", "content-length")
    }
    again = await api.client.get(f"{PATH}/acme--ann", headers={**head, "If-None-Match": full.headers["etag"]})
    assert again.status_code == 304
    readings = await api.ask("GET", "/api/v1/readings?limit=1", headers=head)
    rest = await api.ask("GET", f"/api/v1/readings?limit=1&cursor={readings['next']}", headers=head)
    assert [one["partnership_id"] for one in readings["items"] + rest["items"]] == ["acme--ann", "bolt--bob"]
    assert rest["next"] is None


async def test_a_row_of_the_board_changes_with_its_reading_and_its_alerts(api: Api) -> None:
    head = await api.token()

    async def ann() -> Any:
        (row,) = [
            one for one in (await api.ask("GET", "/api/v1/board", headers=head))["items"]
            if one["partnership_id"] == "acme--ann"
        ]  # fmt: skip
        return row

    before = await ann()
    listed = (await api.ask("GET", f"{PATH}?brand=acme", headers=head))["items"][0]
    assert before == {name: listed[name] for name in before} and before["state"] == "firing"
    settings, told = api.served.settings, reading("acme--ann", "acme", 71.26)
    keys = [PartitionKeys(settings.namespace, settings.topic(EVENTS), number) for number in range(2)]
    with redis.Redis.from_url(settings.redis_url) as client:
        client.delete(keys[0].alerts)
        client.hset(keys[1].readings, "acme--ann", told.model_dump_json())
    api.clock += 1.0
    after = await ann()
    assert after["state"] == "ok" and after["trend"] == before["trend"]
    assert after["health"]["value"] == 71.3, "to a tenth: a thousand rows are shorter"


async def test_a_token_of_one_brand_sees_nothing_of_another(api: Api) -> None:
    head = await api.token(brands=["bolt"])
    assert (await api.ask("GET", PATH, headers=head))["total"] == 1
    for path in ("", "/reading", "/history", "/insights", "/explainers", "/rules"):
        known = await api.ask("GET", f"{PATH}/acme--ann{path}", 404, headers=head)
        unknown = await api.ask("GET", f"{PATH}/acme--xyz{path}", 404, headers=head)
        assert known["detail"].replace("ann", "xyz") == unknown["detail"]
    for path in ("portfolio", "relationships"):
        await api.ask("GET", f"/api/v1/brands/acme/{path}", 404, headers=head)
    await api.ask("GET", "/api/v1/compare?a=acme--ann&b=bolt--bob", 404, headers=head)
    await api.ask("DELETE", f"{PATH}/acme--ann", 404, headers=head)
    mine = {"brand_id": "bolt", "influencer_id": "x"}
    assert (await api.ask("PUT", f"{PATH}/acme--ann", 409, headers=head, json=mine))["detail"]
    await api.ask("PUT", f"{PATH}/acme--two", 404, headers=head, json={**mine, "brand_id": "acme"})
    assert not api.written
    reader = await api.token("partnerships:read")
    await api.ask("PUT", f"{PATH}/bolt--x", 403, headers=reader, json=mine)
    await api.ask("DELETE", f"{PATH}/bolt--bob", 403, headers=reader)


async def test_making_changing_and_ending_is_written_and_recorded_once(api: Api) -> None:
    head = await api.token()
    body = {"brand_id": "acme", "influencer_id": "eve", "since": "2026-01-02",
            "contracts": [{"starts_on": "2026-10-01", "ends_on": "2026-12-31"}]}  # fmt: skip
    for status in (201, 200):
        made = await api.ask("PUT", f"{PATH}/acme--eve", status, headers=head, json=body)
        assert made["partnership_id"] == "acme--eve" and made["since"] == "2026-01-02"
    changed = {**body, "rival_terms": ["bolt"]}
    await api.ask("PUT", f"{PATH}/acme--eve", 200, headers=head, json=changed)
    assert [key for key, _ in api.written] == [b"acme--eve"] * 2
    assert (await api.ask("GET", f"{PATH}/acme--eve", headers=head))["partnership"]["rival_terms"] == ["bolt"]
    for was in (True, False):
        told = await api.ask("DELETE", f"{PATH}/acme--eve", headers=head)
        assert told == {"partnership_id": "acme--eve", "changed": was}
    assert api.written[2:] == [(b"acme--eve", None)]
    await api.ask("GET", f"{PATH}/acme--eve", 404, headers=head)
    await api.ask("DELETE", f"{PATH}/acme--never", 404, headers=head)
    acts = (await api.ask("GET", "/api/v1/audit?partnership=acme--eve", headers=head))["items"]
    assert [(act["verb"], act["details"].get("fields")) for act in acts] == [
        ("partnership_end", None), ("partnership_put", ["rival_terms"]),
        ("partnership_put", ["brand_id", "contracts", "influencer_id", "partnership_id", "since"]),
    ]  # fmt: skip


async def test_a_change_that_was_cut_off_is_finished_when_asked_again(api: Api) -> None:
    head, body = await api.token(), {"brand_id": "acme", "influencer_id": "eve"}
    api.broken = True
    gone = await api.ask("PUT", f"{PATH}/acme--eve", 503, headers=head, json=body)
    assert "secret-host" not in json.dumps(gone)
    await api.ask("GET", f"{PATH}/acme--eve", 404, headers=head)
    assert not (await api.ask("GET", "/api/v1/audit?partnership=acme--eve", headers=head))["items"]
    api.broken = False
    record, store = api.served.people.store.change, api.served.people.store

    async def cut_off(name: str, field: str, decide: Any) -> bool:
        if api.written:
            raise StoreUnavailableError("Redis is away")
        return await record(name, field, decide)

    store.change = cut_off  # type: ignore[method-assign]
    await api.ask("PUT", f"{PATH}/acme--eve", 503, headers=head, json=body)
    store.change = record  # type: ignore[method-assign]
    await api.ask("PUT", f"{PATH}/acme--eve", 200, headers=head, json=body)
    assert len(api.written) == 1
    (act,) = (await api.ask("GET", "/api/v1/audit?partnership=acme--eve", headers=head))["items"]
    assert act["verb"] == "partnership_put" and act["details"]["created"]


@pytest.mark.parametrize(
    ("change", "field"),
    [({"brand_id": None}, "brand_id"), ({"influencer_id": ""}, "influencer_id"),
     ({"contracts": [{"starts_on": "2026-10-01", "ends_on": "2026-09-01"}]}, "contracts.0"),
     ({"target_audience": {"country": {"GB": 70}}}, "target_audience.country.GB"),
     ({"rules": {"defaults": 1}}, "rules."), ({"partnership_id": "other"}, "partnership_id"),
     ({"brand_term": ["x"]}, "brand_term"), ({"employees": [{"account": "x"}]}, "employees.0.account_id"),
     ({"since": "yesterday"}, "since")],
)  # fmt: skip
async def test_what_is_wrong_is_named_by_field(api: Api, change: dict[str, Any], field: str) -> None:
    body = {"brand_id": "acme", "influencer_id": "eve", **change}
    told = await api.ask("PUT", f"{PATH}/acme--eve", 422, headers=await api.token(), json=body)
    assert any(one["field"].startswith(field) for one in told["errors"]), told
    assert not api.written


async def test_history_by_signal_stretch_and_step(api: Api) -> None:
    head = await api.token()
    whole = await api.ask("GET", f"{PATH}/acme--ann/history", headers=head)
    assert [line["signal"] for line in whole["lines"]] == list(history.NAMES)
    points = whole["lines"][0]["points"]
    assert 72 + 19 <= len(points) <= 72 + 30, "by the hour for three days, then every six hours"
    assert {(p["value"], p["low"], p["high"]) for p in points} == {(82.0, 79.5, 85.5)}
    bob = await api.ask("GET", f"{PATH}/bolt--bob/history?signal=health", headers=head)
    assert bob["lines"][0]["points"] == []
    since = (NOW - timedelta(days=2)).isoformat().replace("+00:00", "Z")
    until = (NOW - timedelta(days=1)).isoformat().replace("+00:00", "Z")
    some = await api.ask(
        "GET", f"{PATH}/acme--ann/history?signal=health&from={since}&to={until}&step=6h", headers=head
    )
    (line,) = some["lines"]
    assert 4 <= len(line["points"]) <= 5
    assert all(since <= point["at"] <= until for point in line["points"])
    csv = (await api.client.get(f"{PATH}/acme--ann/history?format=csv&signal=health", headers=head)).text
    assert csv.splitlines()[0] == "at,signal,value,low,high" and len(csv.splitlines()) == len(points) + 1
    assert (await api.ask("GET", f"{PATH}/acme--new/history", headers=head))["lines"][0]["points"] == []
    for bad in ("signal=charm", "step=x", f"from={until}&to={since}", "from=yesterday"):
        await api.ask("GET", f"{PATH}/acme--ann/history?{bad}", 422, headers=head)


async def test_explainers_are_declared_ahead_listed_and_taken_back(api: Api) -> None:
    head = await api.token()
    path = f"{PATH}/acme--ann/explainers"
    body = {"kind": "giveaway", "starts_at": NOW.isoformat(), "note": "Friday",
            "ends_at": (NOW + timedelta(hours=6)).isoformat()}  # fmt: skip
    for _ in range(2):
        made = await api.ask("POST", path, 201, headers=head, json=body)
    assert made["key"] == "explainer:acme--ann" and b"giveaway" in (api.topic[b"explainer:acme--ann"] or b"")
    (one,) = (await api.ask("GET", path, headers=head))["items"]
    assert one["kind"] == "giveaway" and one["key"] == made["key"] and one["by"]
    await api.ask("POST", path, 422, headers=head, json={**body, "ends_at": body["starts_at"]})
    await api.ask("DELETE", f"{PATH}/acme--new/explainers/{made['key']}", 404, headers=head)
    await api.ask("DELETE", f"{path}/{made['key']}", headers=head)
    assert (await api.ask("GET", path, headers=head))["items"] == []


async def test_rules_insights_sources_as_the_command_line_tells_them(api: Api) -> None:
    head = await api.token()
    rules = await api.ask("GET", f"{PATH}/acme--ann/rules", headers=head)
    assert rules["rules"]["connection.drop"]["enabled"] == {"value": "true", "source": "detector"}
    body = {
        "brand_id": "acme",
        "influencer_id": "ann",
        "rules": {"connection.drop": {"for": "2h"}},
    }
    await api.ask("PUT", f"{PATH}/acme--ann", 200, headers=head, json=body)
    own = (await api.ask("GET", f"{PATH}/acme--ann/rules", headers=head))["rules"]["connection.drop"]["for"]
    assert own["value"] == "2h" and own["source"] != "detector"
    insights = await api.ask("GET", f"{PATH}/acme--ann/insights", headers=head)
    assert insights["partnership_id"] == "acme--ann" and insights["rising"] == []
    items = {one["name"]: one for one in (await api.ask("GET", "/api/v1/sources", headers=head))["items"]}
    assert items["instagram"]["abilities"]["likes"]["level"] == "total"
    assert items["bluesky"]["fresh"] == {
        "partnerships": 0, "newest_at": None, "usual_silence_s": None, "silent_since": None,
    }  # fmt: skip


async def test_brands_and_comparison_as_the_command_line_tells_them(api: Api) -> None:
    head = await api.token()
    found = await api.ask("GET", "/api/v1/brands/acme/portfolio", headers=head)
    assert {one["partnership_id"] for one in found["partners"]} == {"acme--ann", "acme--new"}
    csv = (await api.client.get("/api/v1/brands/acme/portfolio?format=csv", headers=head)).text
    assert len(csv.splitlines()) == 3 and csv.startswith("partnership_id,influencer_id")
    both = await api.ask("GET", "/api/v1/compare?a=acme--ann&b=bolt--bob", headers=head)
    assert both["a"]["partnership_id"] == "acme--ann" and both["signals"][0]["a"]["value"] == 60
    await api.ask("GET", "/api/v1/compare?a=acme--ann&b=acme--ann", 422, headers=head)
    await api.ask("GET", "/api/v1/compare?a=acme--ann&b=acme--new", 404, headers=head)
    graph = await api.ask("GET", "/api/v1/brands/acme/relationships", headers=head)
    assert [one["influencer_id"] for one in graph["influencers"]] == ["ann", "new"]
    for form, begins in (("dot", "digraph"), ("graphml", "<?xml")):
        answer = await api.client.get(f"/api/v1/brands/acme/relationships?format={form}", headers=head)
        assert answer.status_code == 200 and answer.text.startswith(begins)


async def test_without_kafka_readings_are_told_all_the_same(server: RedisServer) -> None:
    settings = Settings(redis_url=server.url, namespace=f"t{secrets.token_hex(4)}", broker="127.0.0.1:1")
    write(settings)
    api = Api(settings, followed=True)
    try:
        head = await api.token()
        page = await api.ask("GET", PATH, headers=head)
        assert page["total"] == 2 and not page["complete"]
        whole = await api.ask("GET", f"{PATH}/acme--ann", headers=head)
        assert whole["partnership"] is None and whole["reading"]["health"]["value"] == 60
        await api.ask("PUT", f"{PATH}/a--b", 503, headers=head, json={"brand_id": "a", "influencer_id": "b"})
        assert (await api.ask("GET", "/api/v1/health"))["book"] == "unavailable"
    finally:
        await api.served.book.close()
        await api.close()


async def test_the_examples_of_the_documentation_work(api: Api) -> None:
    head = await api.token()
    text = (REPO / "docs" / "api.md").read_text(encoding="utf-8").replace("\\\n", " ")
    block = text.partition("```sh\n")[2].partition("```")[0]
    lines = [line.split(" | dot ")[0] for line in re.split(r"^(?=curl )", block, flags=re.MULTILINE)[1:]]
    assert len(lines) >= 9
    for line in lines:
        told = line.replace("3fa9c1d2", "aaaa1111").replace("acme--bob", "bolt--bob")
        if "/silences" in line:  # one that was made for a day that is over is refused
            told = re.sub(
                r'"ends_at": "[^"]+"', f'"ends_at": "{(NOW + timedelta(days=1)).isoformat()}"', told
            )
        words = shlex.split(told.replace("$API", "/api/v1"))
        data = words[words.index("-d") + 1] if "-d" in words else None
        method = words[words.index("-X") + 1] if "-X" in words else "GET" if data is None else "POST"
        (path,) = [word for word in words if word.startswith("/api/v1")]
        sent = {**head, "Content-Type": "application/json"} if data is not None else head
        answer = await api.client.request(method, path, headers=sent, content=data)
        assert answer.is_success, (line, answer.text)
