"""The document against the API: schemathesis makes requests of it, right and wrong ones, and every answer
must be one that the document tells of. Bounded to a few seconds; `SERVE_FUZZ=100` asks more."""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import schemathesis
from anyio.from_thread import BlockingPortal, start_blocking_portal
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode

from streams.settings import Settings
from tests.conftest import missing
from tests.fuzzing import CHECKS, request_of
from tests.servers import RedisServer, ServerMissingError
from tests.streams.api_world import Api
from tests.streams.people_world import write

pytestmark = pytest.mark.servers
EXAMPLES = int(os.environ.get("SERVE_FUZZ", "2"))
#: Names that are there, so that not all is answered by "there is none".
KNOWN = {"partnership_id": "acme--ann", "brand": "acme", "alert_id": "aaaa1111"}


class Caller:
    """The API on a loop of its own, asked from outside of it: schemathesis's tests are no coroutines."""

    def __init__(self, portal: BlockingPortal, api: Api) -> None:
        self.client = api.client
        self._portal = portal
        self.head: dict[str, str] = portal.call(api.token)

    def send(self, request: httpx.Request) -> httpx.Response:
        return self._portal.call(self.client.send, request)


@pytest.fixture(scope="module")
def caller() -> Iterator[Caller]:
    try:
        server = RedisServer().start()
    except ServerMissingError as error:
        missing(str(error))
    settings = Settings(redis_url=server.url, namespace="fuzz", serve_rate=1_000_000)
    write(settings)
    with start_blocking_portal() as portal:
        api = portal.call(Api, settings)
        yield Caller(portal, api)
        portal.call(api.close)
    server.stop()


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["right", "wrong"])
def test_every_answer_is_one_that_the_document_tells_of(caller: Caller, mode: GenerationMode) -> None:
    document = caller.send(caller.client.build_request("GET", "/api/v1/openapi.json")).json()
    described = schemathesis.openapi.from_dict(document)
    answered: Counter[int] = Counter()
    for found in described.get_all_operations():
        operation = found.ok()
        if operation.path == "/api/v1/stream":  # does not end; tested on a socket
            continue
        if mode is GenerationMode.NEGATIVE and not operation.body:  # wrong queries are tested one by one
            continue

        @hypothesis_settings(
            max_examples=EXAMPLES, deadline=None, database=None, derandomize=True, phases=(Phase.generate,),
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(operation.as_strategy(generation_mode=mode))
        def ask(case: Any) -> None:
            case.headers.update(caller.head)
            for name, value in KNOWN.items():
                if name in (case.path_parameters or {}) and len(str(case.body)) % 2:
                    case.path_parameters[name] = value
            answer = caller.send(request_of(caller.client, case, "http://api"))
            answered[answer.status_code] += 1
            case.validate_response(answer, checks=CHECKS)

        with contextlib.suppress(Unsatisfiable):  # a route that takes nothing cannot be asked wrongly
            ask()
    assert sum(answered.values()) >= 10
    assert not {status for status in answered if status >= 500}, answered
