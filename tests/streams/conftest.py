"""Servers that the tests of one file share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conftest import missing
from tests.servers import RedisServer, ServerMissingError


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    try:
        started = RedisServer().start()
    except ServerMissingError as error:
        missing(str(error))
    yield started
    started.stop()
