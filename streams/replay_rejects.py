"""Lines of a replay that cannot be sent, kept to be mended: in a file, or in the rejected topic.

A line of the file is what `rapport rejected replay --edit FILE` takes back once its `event` is mended.
"""

from __future__ import annotations

import base64
import json
from collections import deque
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Self

from schemas.rejected import FieldError, RejectedEvent
from schemas.topics import REJECTED
from streams.errors import InputError
from streams.reading.model import BadLine
from streams.sending import Sender
from streams.settings import Settings

#: So many go to the topic at most; a file takes all.
MOST: Final = 100_000
_PAYLOAD: Final = 64 * 1024
_TEXT: Final = 2_000


class Rejects:
    """Takes bad lines; `pending` ones still have to be sent by `drain`."""

    def __init__(self, settings: Settings, path: Path | None) -> None:
        """`path`: of the file; None: they go to the rejected topic."""
        self._settings = settings
        self._path = path
        self._file: IO[str] | None = None
        self._close = ExitStack()
        self._sender: Sender | None = None
        self.pending: deque[BadLine] = deque()
        self.kept = 0
        self.dropped = 0

    async def __aenter__(self) -> Self:
        if self._path is not None:
            try:
                self._file = self._close.enter_context(self._path.open("a", encoding="utf-8"))
            except OSError as error:
                raise InputError(f"{self._path} cannot be written: {error.strerror or error}") from error
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close.close()
        if self._sender is not None:
            await self._sender.__aexit__(kind, error, trace)

    def begin(self, *, anew: bool) -> None:
        """`anew`: what a file held before goes; else the replay goes on, and what it wrote before stays."""
        if self._file is not None and anew:
            self._file.truncate(0)

    def put(self, line: BadLine) -> None:
        """Takes one line."""
        if self._file is not None:
            self._file.write(json.dumps(mendable(line)) + "\n")
            self.kept += 1
        elif self.kept + len(self.pending) < MOST:
            self.pending.append(line)
        else:
            self.dropped += 1

    async def drain(self) -> None:
        """Sends what is pending, or has the file hold all. Raises BrokerUnavailableError, SendError,
        NotFoundError."""
        if self._file is not None:
            self._file.flush()
        if not self.pending:
            return
        if self._sender is None:
            self._sender = await Sender(self._settings, topic=REJECTED).__aenter__()
        while self.pending:
            line = self.pending.popleft()
            now = datetime.now(UTC)
            await self._sender.send((now.timestamp(), line.key or b"-", as_record(line, now)))
            self.kept += 1
        await self._sender.flush()


def mendable(line: BadLine) -> dict[str, object]:
    """The line for a file, in the shape of `streams.mending.edit_line`."""
    try:
        event: object = json.loads(line.raw)
    except (ValueError, RecursionError):
        event = line.raw.decode("utf-8", "replace")
    error = f"{line.field}: {line.why}" if line.field else line.why
    return {
        "id": f"{line.file}:{line.number}", "file": line.file, "line": line.number, "reason": line.reason,
        "errors": [error], "event": event,
    }  # fmt: skip


def as_record(line: BadLine, now: datetime) -> bytes:
    """The line as a record of the rejected topic; topic, partition and offset say file and line."""
    made = RejectedEvent(
        reason=line.reason, errors=[FieldError(field=line.field, message=line.why[:_TEXT])],
        topic=f"file:{Path(line.file).name}"[-200:], partition=0, offset=line.number,
        key=line.key.decode("utf-8", "replace") if line.key is not None else None,
        payload_base64=base64.b64encode(line.raw[:_PAYLOAD]).decode(), truncated=len(line.raw) > _PAYLOAD,
        at=now,
    )  # fmt: skip
    return made.model_dump_json(exclude_none=True).encode()
