"""Named steps of the commit protocol at which a test ends this process, as `kill -9` would.

Off unless RAPPORT_FAILPOINT is set when the process starts: `fence.done:3` kills it the third time it comes
by that step. No setting: nothing but tests/faults/ has a use for it, and who sets it by mistake is told.
"""

from __future__ import annotations

import logging
import os
import signal

from streams.errors import RapportError

log = logging.getLogger(__name__)
VARIABLE = "RAPPORT_FAILPOINT"
#: Step -> what is done when it is reached, and what is not.
POINTS = {
    "claim.done": "the epoch is raised; nothing is read",
    "claim.restored": "the state is read; the partition is not sought",
    "claim.sought": "sought to the fence; nothing is fetched",
    "fold.slice": "a slice is folded into memory; nothing is written",
    "produce.sent": "outputs are handed to the producer; none is known to be acknowledged",
    "produce.done": "outputs are acknowledged; the fence has not moved",
    "fence.done": "state and fence have moved; nothing is acked",
    "ack.done": "the slices are acked; their offset is not committed",
    "commit.chosen": "the offset to commit is chosen; Kafka has not heard of it",
    "outbox.read": "transitions are read from the outbox; none is produced",
    "outbox.produced": "transitions are produced; they still stand in the outbox",
    "outbox.deleted": "transitions are produced and deleted from the outbox",
    "revoke.begun": "the group takes partitions away; nothing is committed",
    "revoke.committed": "what was done is committed; the partitions are not let go",
    "stop.flushed": "asked to stop, all is behind the fence; the group is not left",
}


def parse(text: str) -> tuple[str, int]:
    """The step and how many times it is passed. Raises RapportError for one that does not exist."""
    name, _, count = text.partition(":")
    if name not in POINTS or not (count or "1").isdigit() or int(count or "1") < 1:
        raise RapportError(
            f"{VARIABLE}={text!r} names no step of the commit protocol",
            hint=f"unset it (it is for tests), or say STEP[:TIMES] with one of {', '.join(POINTS)}",
        )
    return name, int(count or "1")


class Failpoints:
    """`hit(step)` does nothing, unless that step is armed and was passed often enough."""

    def __init__(self) -> None:
        self._step: str | None = None
        self._left = 0

    def arm(self) -> None:
        """Read the environment, once, at start. Raises RapportError for a step that does not exist."""
        if text := os.environ.get(VARIABLE):
            self._step, self._left = parse(text)
            log.critical("%s=%s: this process will kill itself; for tests only", VARIABLE, text)

    def hit(self, step: str) -> None:
        """The step is reached."""
        if step != self._step:
            return
        self._left -= 1
        if self._left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)


_points = Failpoints()
arm, hit = _points.arm, _points.hit
