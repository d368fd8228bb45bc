"""Annotations in Grafana, against a server made from Grafana's own OpenAPI document."""

from __future__ import annotations

import pytest

from schemas.receivers import GrafanaReceiver
from streams.errors import SettingsError
from streams.receivers.base import DeliveryError
from streams.receivers.grafana import GrafanaAnnotator
from streams.receivers.sample import sample
from streams.receivers.wording import Wording
from streams.settings import Settings
from tests.dashboards.grafana_server import DOCUMENT, Grafana

TOKEN = "glsa_test"


@pytest.fixture
def grafana():
    if not DOCUMENT.is_file():
        pytest.skip("Grafana's OpenAPI document is not there (../shared/data/grafana-openapi/openapi3.json)")
    with Grafana(TOKEN, "/grafana") as server:
        yield server
        assert server.violations == [] and server.faults == []


def annotator(url: str | None, **more) -> GrafanaAnnotator:
    config = GrafanaReceiver.model_validate(
        {"name": "board", "type": "grafana", "timeout": "4s", "tags": ["rapport", "eu"], **more}
    )
    return GrafanaAnnotator(config, Settings(grafana_url=url, grafana_token=TOKEN), Wording())


async def test_a_region_from_firing_to_resolved_once_whatever_happens(grafana):
    first = annotator(grafana.url, dashboard_uid="rapport-overview")
    firing, over = sample("board"), sample("board", "resolved")
    await first.deliver(firing)
    await first.deliver(firing)  # a retry
    await first.aclose()
    (drawn,) = grafana.annotations.values()
    assert drawn["time"] == drawn["timeEnd"] == int(firing.alerts[0].started_at.timestamp() * 1_000)
    assert drawn["dashboardUID"] == "rapport-overview" and drawn["text"] == firing.alerts[0].summary
    assert {"rapport", "eu", "connection", "critical", "alert:sample-1"} <= set(drawn["tags"])
    second = annotator(grafana.url)  # after a restart
    await second.deliver(over)
    await second.deliver(over)
    await second.aclose()
    (drawn,) = grafana.annotations.values()
    assert drawn["timeEnd"] == int(over.alerts[0].resolved_at.timestamp() * 1_000)
    assert drawn["text"] == f"{firing.alerts[0].summary}\n{over.alerts[0].summary}"


async def test_an_answer_that_was_lost_doubles_nothing(grafana):
    grafana.fail_next("POST", "/annotations", "lost")
    board = annotator(grafana.url)
    with pytest.raises(DeliveryError) as caught:
        await board.deliver(sample("board"))
    assert caught.value.retryable
    await board.deliver(sample("board"))
    await board.aclose()
    assert len(grafana.annotations) == 1


@pytest.mark.parametrize(("how", "retryable"), [(500, True), (401, True), (400, False), (5.0, True)])
async def test_what_goes_wrong(grafana, how, retryable):
    grafana.fail_next("POST", "/annotations", how)
    board = annotator(grafana.url, timeout="300ms" if how == 5.0 else "4s")
    with pytest.raises(DeliveryError) as caught:
        await board.deliver(sample("board"))
    await board.aclose()
    assert caught.value.retryable is retryable


async def test_text_of_strangers_is_no_markup_there(grafana):
    n = sample("board")
    evil = n.alerts[0].model_copy(update={"summary": "<img src=x onerror=alert(1)>\x1b[2J \u202egnp"})
    board = annotator(grafana.url)
    await board.deliver(n.model_copy(update={"alerts": [evil]}))
    await board.aclose()
    assert grafana.annotations[1]["text"] == "‹img src=x onerror=alert(1)› gnp"


def test_an_address_is_needed():
    with pytest.raises(SettingsError, match="RAPPORT_GRAFANA_URL"):
        annotator(None)
    with pytest.raises(SettingsError, match="not in the environment"):
        annotator("http://127.0.0.1:1", token="env:NO_SUCH_TOKEN")
