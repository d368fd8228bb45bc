"""The stand-in behind the store's seam: the same answers as fence.lua, in a dict. For evaluation and tests.

A test runs the same operations against Redis and compares (tests/processors/state/test_store.py).
"""

from __future__ import annotations

from collections.abc import Sequence

from processors.state.layout import PartitionKeys
from processors.state.store import MAX_STRING, Answer, Claim, Write, full


def _b(value: bytes | str | int) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()


class MemoryStore:
    """State in this process. `hashes`, `strings` and `streams` are there to be looked at."""

    def __init__(self, *, max_string: int = MAX_STRING) -> None:
        self._max_string = max_string
        self.hashes: dict[str, dict[bytes, bytes]] = {}
        self.strings: dict[str, bytes] = {}
        self.streams: dict[str, list[tuple[bytes, bytes]]] = {}
        self._entries = 0

    async def claim(self, keys: PartitionKeys) -> Claim:
        fence = self.hashes.setdefault(keys.fence, {})
        fence[b"epoch"] = _b(int(fence.get(b"epoch", b"0")) + 1)
        return claim_of(dict(fence))

    async def apply(self, keys: PartitionKeys, write: Write) -> tuple[Answer, int]:
        fence = self.hashes.setdefault(keys.fence, {})
        epoch, seq = int(fence.get(b"epoch", b"0")), int(fence.get(b"seq", b"0"))
        cur = int(fence.get(b"next", b"-1"))
        if epoch > write.epoch:
            return Answer.OLD, cur
        if epoch != write.epoch:
            return Answer.MOVED, cur
        if seq == write.seq + 1 and cur == write.next:
            return Answer.SAME, cur
        if seq != write.seq or cur != write.prev:
            return Answer.MOVED, cur
        if not self._fits(write):
            raise full(keys)
        for op, index, args in write.ops:
            self._do(op, write.keys[index - 1], [_b(arg) for arg in args])
        fence[b"next"], fence[b"seq"] = _b(write.next), _b(write.seq + 1)
        return Answer.OK, write.next

    def _fits(self, write: Write) -> bool:
        lengths: dict[str, int] = {}
        for op, index, args in write.ops:
            key = write.keys[index - 1]
            if op == "APPEND":
                lengths[key] = lengths.get(key, len(self.strings.get(key, b""))) + len(_b(args[0]))
                if lengths[key] > self._max_string:
                    return False
            elif op in ("SET", "UNLINK"):
                lengths[key] = len(_b(args[0])) if op == "SET" else 0
        return True

    def _do(self, op: str, key: str, args: list[bytes]) -> None:
        if op == "HSET":
            self.hashes.setdefault(key, {}).update(zip(args[::2], args[1::2], strict=True))
        elif op == "HDEL":
            for name in args:
                self.hashes.get(key, {}).pop(name, None)
        elif op == "APPEND":
            self.strings[key] = self.strings.get(key, b"") + args[0]
        elif op == "SET":
            self.strings[key] = args[0]
        elif op == "XADD":
            self._entries += 1
            stream = self.streams.setdefault(key, [])
            stream.append((b"%d-0" % self._entries, args[-1]))
            if args[0] == b"MAXLEN":
                del stream[: -int(args[2])]
        elif op == "UNLINK":
            self.hashes.pop(key, None)
            self.strings.pop(key, None)
        elif op != "EXPIRE":
            raise ValueError(f"unknown operation {op}")

    async def read_hashes(self, keys: Sequence[str]) -> list[dict[bytes, bytes]]:
        return [dict(self.hashes.get(key, {})) for key in keys]

    async def read_strings(self, keys: Sequence[str]) -> list[bytes]:
        return [self.strings.get(key, b"") for key in keys]

    async def put_string(self, key: str, value: bytes) -> None:
        self.strings[key] = value

    async def read_outbox(self, keys: PartitionKeys, count: int) -> list[tuple[bytes, bytes]]:
        return self.streams.get(keys.outbox, [])[:count]

    async def delete_outbox(self, keys: PartitionKeys, ids: Sequence[bytes]) -> None:
        gone = set(ids)
        self.streams[keys.outbox] = [e for e in self.streams.get(keys.outbox, []) if e[0] not in gone]


def claim_of(fields: dict[bytes, bytes]) -> Claim:
    """The claim that a fence's fields tell."""
    following = fields.get(b"next")
    return Claim(
        int(fields[b"epoch"]), int(fields.get(b"seq", b"0")),
        None if following is None else int(following), fields,
    )  # fmt: skip
