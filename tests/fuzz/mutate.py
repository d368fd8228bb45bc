"""Bends one input at random: single bytes, whole values, structure; the same source, the same input."""

from __future__ import annotations

import json
from random import Random
from typing import Any

#: Values that programs stumble over, as JSON.
ODD = (
    b"null", b"true", b"-0", b"1e400", b"-1e-400", b"9" * 5_000, b"1" + b"0" * 400,
    b'""', b'"\\ud800"', b'"\\u0000"', b"[]", b"{}", b"NaN", b"Infinity", b"18446744073709551616", b"0.1",
    b'"2026-02-30T25:61:61Z"', b'"\xed\xa0\x80"',
    b'"0001-01-01T00:00:00+23:59"', b'"9999-12-31T23:59:60Z"', b'{"a":1,"a":2}', b"[" * 400, b'{"":' * 200,
    b'"' + b"x" * 20_000 + b'"', "\"\u202e\ufeff\U0001f469\u200d\U0001f4bb\"".encode(),
)  # fmt: skip
_MARKS = b'{}[]",:\\/ue0019-.truefalsn\x00\xff\xed\n\t<>&%*!|#'


def mutated(seed: bytes, others: list[bytes], rng: Random) -> bytes:
    """One to four changes of `seed`; parts of `others` may come in."""
    data = seed
    if data[:1] == b"{" and rng.random() < 0.5:
        try:
            return _values(data, rng)
        except (ValueError, RecursionError):
            pass
    for _ in range(rng.randint(1, 4)):
        data = rng.choice(_CHANGES)(data, others, rng)
    return data[: 1 << 20]


def _flip(data: bytes, others: list[bytes], rng: Random) -> bytes:
    if not data:
        return b"\x00"
    at = rng.randrange(len(data))
    return data[:at] + bytes([rng.choice(_MARKS)]) + data[at + 1 :]


def _cut(data: bytes, others: list[bytes], rng: Random) -> bytes:
    first, last = sorted((rng.randint(0, len(data)), rng.randint(0, len(data))))
    return data[:first] + data[last:] if rng.random() < 0.5 else data[:first]


def _repeat(data: bytes, others: list[bytes], rng: Random) -> bytes:
    first = rng.randint(0, len(data))
    last = min(len(data), first + rng.randint(1, 40))
    return data[:first] + data[first:last] * rng.choice((2, 3, 50, 500)) + data[last:]


def _insert(data: bytes, others: list[bytes], rng: Random) -> bytes:
    at = rng.randint(0, len(data))
    return data[:at] + rng.choice(ODD) + data[at:]


def _splice(data: bytes, others: list[bytes], rng: Random) -> bytes:
    other = rng.choice(others)
    return data[: rng.randint(0, len(data))] + other[rng.randint(0, len(other)) :]


_CHANGES = (_flip, _flip, _cut, _repeat, _insert, _splice)


def _values(data: bytes, rng: Random) -> bytes:
    """A JSON document with one value in place of another, or a name twice."""
    document: Any = json.loads(data)
    places: list[tuple[Any, Any]] = []
    todo = [document]
    while todo:
        item = todo.pop()
        for key, value in item.items() if isinstance(item, dict) else enumerate(item):
            places.append((item, key))
            if isinstance(value, dict | list):
                todo.append(value)
    if not places:
        return data
    where, key = rng.choice(places)
    mark = f"@@{rng.getrandbits(32)}@@"
    where[key] = mark
    text = json.dumps(document, ensure_ascii=False).encode("utf-8", "surrogatepass")
    return text.replace(b'"' + mark.encode() + b'"', rng.choice(ODD), 1)
