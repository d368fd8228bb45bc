"""Logs: JSON lines (or text) on stderr, with partition, offset and epoch where there is one, and with the
number of the process where there are several."""

from __future__ import annotations

import logging
import sys

from pythonjsonlogger.json import JsonFormatter

from streams.settings import Settings

_QUIET = ("faust", "mode", "aiokafka", "kafka", "asyncio", "aiohttp.access")


class _Text(logging.Formatter):
    def __init__(self, process: int | None) -> None:
        super().__init__(
            f"{'' if process is None else f'[{process}] '}%(asctime)s %(levelname)-7s %(name)s: %(message)s"
        )

    def format(self, record: logging.LogRecord) -> str:
        extra = " ".join(
            f"{name}={getattr(record, name)}"
            for name in ("partition", "epoch", "offset")
            if hasattr(record, name)
        )
        line = super().format(record)
        return f"{line} {extra}" if extra else line


def set_up(settings: Settings, process: int | None = None) -> None:
    """Configure the root logger. Third parties speak from warnings on, unless we are debugging.

    `process`: number of this process among those that write to the same stream; lines bear it then.
    """
    handler = logging.StreamHandler(sys.stderr)
    if settings.log_format == "json":
        handler.setFormatter(
            JsonFormatter(
                "{levelname}{name}{message}",
                style="{",
                timestamp=True,
                rename_fields={"levelname": "level", "name": "logger"},
                static_fields={} if process is None else {"process": process},
            )
        )
    else:
        handler.setFormatter(_Text(process))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level.upper())
    debugging = settings.log_level == "debug"
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.DEBUG if debugging else logging.WARNING)
    # Faust calls a group of one "unhealthy" while it waits; said by /ready in plain words instead.
    logging.getLogger("faust.agents").setLevel(logging.WARNING)
