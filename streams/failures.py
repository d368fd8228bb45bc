"""Any error as one plain line for people, and the exit code that goes with it."""

from __future__ import annotations

import os
import sys

from streams.errors import RapportError

_BROKER = "is it running, and is RAPPORT_BROKER (or --broker) right? `rapport doctor` looks closer"
_STORE = "is it running, and is RAPPORT_REDIS_URL (or --redis) right? `rapport doctor` looks closer"


def debug_wanted() -> bool:
    """Whether stack traces are shown: --debug, or RAPPORT_LOG_LEVEL=debug."""
    return os.environ.get("RAPPORT_LOG_LEVEL", "").lower() == "debug"


def explain(error: BaseException) -> int:
    """Tells the error on stderr and returns the exit code."""
    lines, hint, code = describe(error)
    from rich.console import Console
    from rich.text import Text

    from streams.text import safe, verbatim

    console = Console(stderr=True, highlight=False, emoji=False)
    for line in lines:
        if line.startswith(" "):  # a line of a file that was handed in, or the caret under it
            told = Text(verbatim(line[:1_000]))
        else:
            told = safe(f"rapport: {line}", style="red" if code != 130 else "", limit=1_000)
        console.print(told, soft_wrap=True)
    if hint:
        console.print(safe(f"  {hint}", style="dim", limit=1_000), soft_wrap=True)
    return code


def describe(error: BaseException) -> tuple[list[str], str | None, int]:
    """(lines, hint, exit code) of an error."""
    match error:
        case RapportError():
            return str(error).splitlines() or [type(error).__name__], error.hint, error.exit_code
        case KeyboardInterrupt():
            return ["stopped"], None, 130
        case BaseExceptionGroup():
            return describe(error.exceptions[0])
        case ModuleNotFoundError(name=str(name)):
            return (
                [f"the module {name} is missing"],
                "install with `make install` (or the extra `embedded`)",
                1,
            )
    outside = _outside(error)
    if outside is not None:
        return [outside[0]], outside[1], 1
    if isinstance(error, OSError) and error.filename:
        return [f"{error.filename}: {error.strerror or error}"], None, 1
    text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return [f"a fault of Rapport itself: {text}"], "run it again with --debug for the stack trace", 1


def _outside(error: BaseException) -> tuple[str, str | None] | None:
    """Line and hint on an error of Kafka's or Redis' client, if they were imported at all."""
    redis, kafka = sys.modules.get("redis.exceptions"), sys.modules.get("aiokafka.errors")
    if redis is not None and isinstance(error, redis.RedisError):
        if isinstance(error, redis.AuthenticationError | redis.NoPermissionError):
            return f"Redis refuses us: {error}", "user and password belong into RAPPORT_REDIS_URL"
        if isinstance(error, redis.ConnectionError | redis.TimeoutError):
            return f"Redis does not answer: {error}", _STORE
        return f"Redis says: {error}", None
    if kafka is not None and isinstance(error, kafka.KafkaError):
        name = type(error).__name__
        return f"Kafka does not answer as it should: {error or name}", _BROKER
    return None
