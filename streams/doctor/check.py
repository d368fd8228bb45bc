"""A finding, and the rule that every check ends in time and never raises."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Literal

from aiokafka.errors import KafkaError
from redis.exceptions import NoPermissionError, RedisError

from processors.state.store import StoreError
from streams.errors import RapportError

Status = Literal["ok", "warn", "fail"]
#: Longest time that one check may take, seconds.
CHECK_S = 8.0
#: Longest wait for a server's first answer, seconds.
CONNECT_S = 4.0


@dataclass(frozen=True, slots=True)
class Check:
    """One finding: what was looked at, how it stands, and what to do about it (None: nothing)."""

    name: str
    status: Status
    what: str
    advice: str | None = None


async def bounded(name: str, check: Awaitable[list[Check]], limit_s: float = CHECK_S) -> list[Check]:
    """The check's findings; that it failed or took more than `limit_s` seconds is one, too."""
    try:
        async with asyncio.timeout(limit_s):
            return await check
    except TimeoutError:
        return [Check(name, "warn", f"could not be found out within {limit_s:g} s", "run it again")]
    except NoPermissionError as error:
        return [Check(name, "warn", f"could not be found out: {error}", "allow our Redis user the command")]
    except (KafkaError, RedisError, StoreError, RapportError, OSError) as error:
        return [Check(name, "warn", f"could not be found out: {why(error)}")]


def why(error: BaseException) -> str:
    """What an error says, or its name when it says nothing."""
    return str(error) or type(error).__name__
