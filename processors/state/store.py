"""The one seam between the engine and where state is kept: five calls, Redis or memory behind them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from processors.state.layout import PartitionKeys

#: Redis' Lua can unpack some 8,000 values at once; operations are cut well below that.
MAX_ARGS = 2_000
#: Bytes of one string at most (as in fence.lua): a write that would make one longer is refused as a whole.
MAX_STRING = 256 << 20


class Answer(StrEnum):
    """What the fence answers; see fence.lua."""

    OK = "OK"
    SAME = "SAME"
    MOVED = "MOVED"
    OLD = "OLD"


@dataclass(frozen=True, slots=True)
class Claim:
    """The fence after a claim. `next` is None when the partition has no state yet."""

    epoch: int
    seq: int
    next: int | None
    fields: dict[bytes, bytes]


@dataclass(slots=True)
class Write:
    """One fenced write: operations on keys of one partition, and the fence `prev` -> `next`."""

    epoch: int
    seq: int
    prev: int
    next: int
    keys: list[str] = field(default_factory=list)
    ops: list[tuple[str, int, list[bytes | str | int]]] = field(default_factory=list)
    _index: dict[str, int] = field(default_factory=dict)

    def add(self, op: str, key: str, args: Sequence[bytes | str | int]) -> None:
        """Append an operation (HSET, HDEL, APPEND, XADD, EXPIRE, UNLINK), cut into legal pieces."""
        index = self._index.get(key)
        if index is None:
            self.keys.append(key)
            index = self._index[key] = len(self.keys)
        if op in ("HSET", "HDEL"):
            for start in range(0, len(args), MAX_ARGS):
                self.ops.append((op, index, list(args[start : start + MAX_ARGS])))
        else:
            self.ops.append((op, index, list(args)))

    def arguments(self) -> list[bytes | str | int]:
        """The function's ARGV (key indexes shifted by one for the fence)."""
        out: list[bytes | str | int] = [self.epoch, self.seq, self.prev, self.next]
        for op, index, args in self.ops:
            out += (op, index + 1, len(args))
            out += args
        return out

    def size(self) -> int:
        """Bytes of payload (keys and arguments), what `bytes to Redis an event` counts."""
        total = sum(map(len, self.keys))
        for op, _, args in self.ops:
            total += len(op)
            for arg in args:
                total += len(arg) if isinstance(arg, bytes | str) else 8
        return total


class StoreError(Exception):
    """State could not be read or written; `retryable` tells whether to try again."""

    def __init__(self, message: str, *, retryable: bool) -> None:
        super().__init__(message)
        self.retryable = retryable


def full(keys: PartitionKeys) -> StoreError:
    """What is raised when a write would make a string too long."""
    return StoreError(
        f"the fenced write of partition {keys.partition} was refused and nothing was written: a string of "
        f"its state would grow beyond {MAX_STRING >> 20} MiB",
        retryable=False,
    )


class Store(Protocol):
    """Where state is kept. Every call either answers or raises StoreError within its timeout."""

    async def claim(self, keys: PartitionKeys) -> Claim:
        """Raise the partition's epoch and return its fence."""

    async def apply(self, keys: PartitionKeys, write: Write) -> tuple[Answer, int]:
        """The fenced write. Returns the answer and the fence's present `next` (-1: none). Raises StoreError
        (`full`) when a string would grow beyond MAX_STRING; nothing is written then."""

    async def read_hashes(self, keys: Sequence[str]) -> list[dict[bytes, bytes]]:
        """Whole hashes, in the order of `keys`; empty for a missing one."""

    async def read_strings(self, keys: Sequence[str]) -> list[bytes]:
        """Whole strings, in the order of `keys`; empty for a missing one."""

    async def put_string(self, key: str, value: bytes) -> None:
        """Write a whole string that no fence guards: what may be made again at any time."""

    async def read_outbox(self, keys: PartitionKeys, count: int) -> list[tuple[bytes, bytes]]:
        """The oldest waiting transitions: (entry id, alert JSON)."""

    async def delete_outbox(self, keys: PartitionKeys, ids: Sequence[bytes]) -> None:
        """Forget relayed transitions."""
