"""State outside of Redis: one entry a key, and a file of them that describes itself.

A file is a zstd stream of frames, each a 4-byte length and msgpack: a `Header`, entries, an `End` with their
count and a digest of all frames before it. It is written and read as a stream, never held whole.
"""

from __future__ import annotations

import hashlib
import re
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

import msgspec
import zstandard

FORMAT: Final = "rapport-state"
FORMAT_VERSION: Final = 1
_LENGTH = struct.Struct("<I")
#: A frame is at most a string of state (256 MiB) or a hash of some thousands of such values.
_FRAME_MAX: Final = 1 << 30
_KEY = re.compile(rb"\{([A-Za-z0-9._-]+)(?::([^{}]+):p(\d+))?\}(.*)", re.DOTALL)
#: msgspec lets the error of a text that is no UTF-8 through.
_UNREADABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError)
#: Last key of the whole installation to be written: with it the state counts as there.
LAYOUT: Final = b"layout"

Header = dict[str, Any]


class DumpError(Exception):
    """The file cannot be used; the text says why."""


class Entry(msgspec.Struct, array_like=True):
    """One key. `topic`, `partition`: whose it is ("" and -1: of the whole installation); `name`: the key
    without its hash tag. `value` by kind: string: bytes; hash: {field: value};
    stream: [(id, [field, value…])]; set, list: [item]; zset: [(member, score)]. `ttl_s`: seconds it is
    kept for, 0: for good."""

    topic: str
    partition: int
    name: bytes
    kind: str
    value: Any
    ttl_s: int = 0


class End(msgspec.Struct, array_like=True):
    """The last frame."""

    entries: int
    digest: bytes


@dataclass(frozen=True, slots=True)
class Place:
    """A key taken apart."""

    namespace: str
    topic: str
    partition: int
    name: bytes


def place_of(key: bytes) -> Place | None:
    """Whose key it is; None when it is none of ours."""
    found = _KEY.fullmatch(key)
    if found is None:
        return None
    namespace, topic, number, name = found.groups()
    return Place(namespace.decode(), (topic or b"").decode(), -1 if number is None else int(number), name)


def key_of(namespace: str, entry: Entry) -> bytes:
    """The key that an entry lies under."""
    inner = f"{namespace}:{entry.topic}:p{entry.partition}" if entry.partition >= 0 else namespace
    return b"{" + inner.encode() + b"}" + entry.name


class Writer:
    """Writes a file. Without `close` it has no end, and is refused as cut off."""

    def __init__(self, file: BinaryIO, header: Header) -> None:
        self._out: Any = zstandard.ZstdCompressor(level=3).stream_writer(file, closefd=False)
        self._digest = hashlib.blake2b(digest_size=32)
        self._encode = msgspec.msgpack.Encoder().encode
        self.entries = 0
        self._frame({"format": FORMAT, "format_version": FORMAT_VERSION, **header})

    def add(self, entry: Entry) -> None:
        """Append an entry."""
        self._frame(entry)
        self.entries += 1

    def close(self) -> None:
        """Write the end."""
        self._frame(End(self.entries, self._digest.digest()))
        self._out.close()

    def _frame(self, value: Any) -> None:
        data = self._encode(value)
        framed = _LENGTH.pack(len(data)) + data
        self._digest.update(framed)
        self._out.write(framed)


def read_header(path: Path) -> Header:
    """What a file says of itself, unchecked. Raises DumpError, OSError."""
    with path.open("rb") as file:
        header, _ = _begin(_frames(file))
    return header


def verified(path: Path) -> tuple[Header, int]:
    """What a file says of itself and how many entries it holds, after all of it was read and found whole.

    Raises DumpError, OSError.
    """
    header, count = read_header(path), 0
    for _ in entries(path):
        count += 1
    return header, count


def entries(path: Path) -> Iterator[Entry]:
    """The entries of a file, one after the other. Raises DumpError (also after the last), OSError."""
    decode, end_of = msgspec.msgpack.Decoder(Entry).decode, msgspec.msgpack.Decoder(End).decode
    with path.open("rb") as file:
        frames = _frames(file)
        _, digest = _begin(frames)
        held: bytes | None = None
        count = 0
        for data in frames:
            if held is not None:
                digest.update(_LENGTH.pack(len(held)) + held)
                count += 1
                try:
                    yield decode(held)
                except _UNREADABLE as error:
                    raise DumpError(f"entry {count} cannot be read: {error}") from error
            held = data
        try:
            end = end_of(held or b"")
        except _UNREADABLE as error:
            raise DumpError("it is cut off: its end is missing") from error
        if (end.entries, end.digest) != (count, digest.digest()):
            raise DumpError("it is damaged: its checksum does not fit")


def _begin(frames: Iterator[bytes]) -> tuple[Header, Any]:
    data = next(frames, b"")
    try:
        header = msgspec.msgpack.decode(data)
        said, version = header["format"], header["format_version"]
    except (*_UNREADABLE, KeyError, TypeError) as error:
        raise DumpError("it is no file that `rapport state export` wrote") from error
    if said != FORMAT or not isinstance(version, int):
        raise DumpError("it is no file that `rapport state export` wrote")
    if version > FORMAT_VERSION:
        raise DumpError(
            f"it is of format {version}, this program reads up to {FORMAT_VERSION}: use a newer one"
        )
    digest = hashlib.blake2b(digest_size=32)
    digest.update(_LENGTH.pack(len(data)) + data)
    return header, digest


def _frames(file: BinaryIO) -> Iterator[bytes]:
    try:
        with zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader(file) as stream:
            while head := _exactly(stream, _LENGTH.size):
                (length,) = _LENGTH.unpack(head)
                if length > _FRAME_MAX:
                    raise DumpError("it is damaged: an entry is longer than any may be")
                yield _exactly(stream, length)
    except zstandard.ZstdError as error:
        raise DumpError(f"it is no file that `rapport state export` wrote, or damaged: {error}") from error


def _exactly(stream: Any, size: int) -> bytes:
    out = bytearray()
    while len(out) < size:
        piece = stream.read(min(size - len(out), 1 << 20))
        if not piece:
            if out:
                raise DumpError("it is cut off")
            return b""
        out += piece
    return bytes(out)


def batches(items: Iterable[Entry], size: int) -> Iterator[list[Entry]]:
    """Entries in lists of about so many bytes of values."""
    batch: list[Entry] = []
    held = 0
    for item in items:
        batch.append(item)
        held += weight(item.value)
        if held >= size or len(batch) >= 500:
            yield batch
            batch, held = [], 0
    if batch:
        yield batch


def weight(value: Any) -> int:
    """Bytes of a value, about."""
    if isinstance(value, bytes | str):
        return len(value)
    if isinstance(value, dict):
        return sum(len(name) + weight(item) for name, item in value.items())
    return sum(map(weight, value)) if isinstance(value, list | tuple) else 8
