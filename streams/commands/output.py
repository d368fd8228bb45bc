"""How commands speak: results on stdout (text or JSON), everything else on stderr."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

T = TypeVar("T")


def out() -> Console:
    """Console on stdout."""
    from rich.console import Console

    return Console(highlight=False, emoji=False)


def err() -> Console:
    """Console on stderr."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, emoji=False)


def warn(line: str) -> None:
    """One plain line on stderr."""
    from streams.text import safe

    err().print(safe("warning: " + line, style="yellow", limit=500), soft_wrap=True)


def say(line: str) -> None:
    """One plain line of progress on stderr."""
    from streams.text import safe

    err().print(safe(line, limit=1000), soft_wrap=True)


def print_json(value: Any) -> None:
    """One JSON document on one line of stdout. ASCII only, so foreign text cannot touch the terminal."""
    sys.stdout.write(json.dumps(value, default=_plain, allow_nan=False) + "\n")
    sys.stdout.flush()


def plain(value: Any) -> Any:
    """The same as `print_json` prints it: times as text, models as objects."""
    return json.loads(json.dumps(value, default=_plain, allow_nan=False))


def _plain(value: Any) -> Any:
    dump = getattr(value, "model_dump", None)
    if dump is not None:
        return dump(mode="json")
    isoformat = getattr(value, "isoformat", None)
    return isoformat().replace("+00:00", "Z") if isoformat is not None else str(value)


def run(
    coroutine: Coroutine[Any, Any, T], *, loop: Callable[[], asyncio.AbstractEventLoop] | None = None
) -> T:
    """The coroutine's result, on a fresh loop (that `loop` makes); Ctrl-C cancels it and comes out as
    KeyboardInterrupt."""
    import logging

    from streams.failures import debug_wanted

    if not debug_wanted():  # its warnings tell of every retry; what matters comes out as an error
        logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    with asyncio.Runner(loop_factory=loop) as runner:
        return runner.run(_interruptible(coroutine))


async def _interruptible(coroutine: Coroutine[Any, Any, T]) -> T:
    """Ctrl-C cancels us in the middle of whatever callback runs (asyncio.Runner's handler). One that was
    about to set our future's result finds it cancelled, and asyncio would print a stack trace of that."""
    task = asyncio.current_task()

    def complain(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        stopped = task is not None and task.cancelling()
        if not (stopped and isinstance(context.get("exception"), asyncio.InvalidStateError)):
            loop.default_exception_handler(context)

    asyncio.get_running_loop().set_exception_handler(complain)
    return await coroutine


@contextmanager
def progress(quiet: bool = False) -> Iterator[Progress]:
    """A progress bar on stderr, gone when done; nothing when stderr is no terminal."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = err()
    bar = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[note]}", markup=False),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=quiet or not console.is_terminal,
    )
    with bar:
        yield bar
