"""The document against the gateway: schemathesis makes requests of it, right and wrong ones, and every answer
must be one that the document tells of. Bounded to a few seconds; `GATEWAY_FUZZ=1000` asks more."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections import Counter
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode

from streams.settings import Settings
from streams.sources import SOURCES
from streams.topics import ensure_topics
from tests.conftest import Pair
from tests.fuzzing import CHECKS, request_of
from tests.gateways import GatewayProcess, make_token

pytestmark = pytest.mark.servers
EXAMPLES = int(os.environ.get("GATEWAY_FUZZ", "50"))
NAMES = (*SOURCES, "nobody")


@pytest.fixture(scope="module")
def gateway(embedded_pair: Pair, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    settings = Settings(
        broker=embedded_pair.broker, redis_url=embedded_pair.redis_url, namespace="gwfuzz",
        topic_prefix="gwfuzz.", partitions=2, log_format="text", data_dir=tmp_path_factory.mktemp("faust"),
    )  # type: ignore[call-arg]  # fmt: skip
    asyncio.run(ensure_topics(settings))
    with GatewayProcess(settings, tmp_path_factory.mktemp("gateway")) as process:
        yield process.address, make_token(settings)


def aim(case: Any) -> None:
    """What the document cannot say: webhooks that are there, and times after 2004, which is no format."""
    if "name" in (case.path_parameters or {}):
        case.path_parameters["name"] = NAMES[len(str(case.body)) % len(NAMES)]
    for one in case.body if isinstance(case.body, list) else [case.body]:
        if isinstance(one, dict) and str(one.get("occurred_at", ""))[:4].isdigit():
            one["occurred_at"] = "2024" + one["occurred_at"][4:]


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["right", "wrong"])
def test_every_answer_is_one_that_the_document_tells_of(
    gateway: tuple[str, str], mode: GenerationMode
) -> None:
    address, token = gateway
    document = schemathesis.openapi.from_dict(httpx.get(address + "/openapi.json").json())
    answered: Counter[tuple[str, int]] = Counter()
    with httpx.Client(timeout=20) as client:
        for found in document.get_all_operations():
            operation = found.ok()

            @hypothesis_settings(max_examples=EXAMPLES, deadline=None, database=None,
                                 suppress_health_check=list(HealthCheck))  # fmt: skip
            @given(operation.as_strategy(generation_mode=mode))
            def ask(case: Any) -> None:
                case.headers["Authorization"] = f"Bearer {token}"
                aim(case)
                answer = client.send(request_of(client, case, address))
                answered[case.operation.label, answer.status_code] += 1
                case.validate_response(answer, checks=CHECKS)

            with contextlib.suppress(Unsatisfiable):  # a route that takes nothing cannot be asked wrongly
                ask()
    assert sum(answered.values()) >= EXAMPLES
    if mode is GenerationMode.POSITIVE:
        assert answered["POST /v1/events", 200] > 0, answered
