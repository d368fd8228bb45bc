"""One input file: unpacked on the way, read any number of times, with a place that shows how far one is."""

from __future__ import annotations

import gzip
import io
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any, Final, cast

import zstandard

from streams.errors import InputError
from streams.reading.model import LINE_BYTES_MAX

_GZIP: Final = b"\x1f\x8b"
_ZSTD: Final = b"\x28\xb5\x2f\xfd"
_BOM: Final = b"\xef\xbb\xbf"
_SPOOL_BYTES: Final = 64 * 1024 * 1024
#: Packed bytes taken at a time: what they unpack to is held at once.
_CHUNK: Final = 16 * 1024
_PACKED: Final = (".gz", ".zst", ".zstd")
#: What a broken or unreadable file raises while it is read.
UNREADABLE: Final = (OSError, EOFError, zstandard.ZstdError)


class _Zstandard(io.RawIOBase):
    """Frames, unpacked one after the other. (zstandard's own reader takes a cut file for a whole one.)"""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._frame = zstandard.ZstdDecompressor().decompressobj()
        self._begun = False
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        packed = b""
        while not self._rest:
            packed = packed or self._file.read(_CHUNK)
            if not packed:
                if self._begun:
                    raise EOFError("it ends within a Zstandard frame: was it cut off?")
                return 0
            self._begun = True
            self._rest = memoryview(self._frame.decompress(packed))
            packed = b""
            if self._frame.eof:
                packed = self._frame.unused_data
                self._frame, self._begun = zstandard.ZstdDecompressor().decompressobj(), False
                if self._rest and packed:
                    self._file.seek(-len(packed), io.SEEK_CUR)
        size = min(len(buffer), len(self._rest))
        buffer[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size


class Opened:
    """A file on disk that can be read any number of times. `size`: bytes as they lie there.

    It is open only while it is read, so that there may be any number of them; what cannot be read twice
    (standard input, a pipe) is put on disk first and stays open.
    """

    def __init__(self, name: str, path: Path | None, spool: IO[bytes] | None = None) -> None:
        """`spool`: what was put on disk; None: the file at `path`. Raises InputError."""
        self.name = name
        self._path, self._spool = path, spool
        self._open: IO[bytes] | None = None
        self.size = self.file.seek(0, io.SEEK_END)
        self.close()

    @property
    def file(self) -> IO[bytes]:
        """The open file. Raises InputError."""
        if self._spool is not None:
            return self._spool
        if self._open is None:
            assert self._path is not None
            try:
                self._open = self._path.open("rb")
            except OSError as error:
                raise unreadable(self.name, error) from error
        return self._open

    def close(self) -> None:
        """It is not read for now."""
        if self._open is not None:
            self._open.close()
            self._open = None

    @property
    def suffix(self) -> str:
        """Ending of the name without what says how it is packed, such as `.csv`."""
        path = Path(self.name)
        return (path.with_suffix("") if path.suffix.lower() in _PACKED else path).suffix.lower()

    def position(self) -> int:
        """Bytes of the file (packed) that were read so far; its size when it is not being read."""
        held = self._spool or self._open
        return held.tell() if held is not None and not held.closed else self.size

    @contextmanager
    def plain(self) -> Iterator[IO[bytes]]:
        """The file from its start, unpacked, without a byte order mark."""
        self.file.seek(0)
        head = self.file.read(4)
        self.file.seek(0)
        with ExitStack() as open_:
            if head[:2] == _GZIP:
                packed = open_.enter_context(gzip.GzipFile(fileobj=self.file, mode="rb"))
                stream = cast(IO[bytes], packed)
            elif head == _ZSTD:
                stream = open_.enter_context(io.BufferedReader(_Zstandard(self.file), 1 << 18))
            else:
                stream = self.file
            if isinstance(stream, io.BufferedReader | gzip.GzipFile) and stream.peek(3)[:3] == _BOM:
                stream.read(3)
            yield stream

    def head(self, size: int = 65_536) -> bytes:
        """The first line, unpacked; at most `size` bytes. Raises InputError."""
        try:
            with self.plain() as stream:
                return stream.readline(size)
        except UNREADABLE as error:
            raise unreadable(self.name, error) from error


@contextmanager
def open_file(path: Path | str) -> Iterator[Opened]:
    """Opens a file; `-` is standard input. Raises InputError when it cannot be read."""
    with ExitStack() as open_:
        try:
            if str(path) == "-":
                yield Opened("standard input", None, open_.enter_context(_spooled(sys.stdin.buffer)))
                return
            with Path(path).open("rb") as file:
                spool = None if file.seekable() else open_.enter_context(_spooled(file))
        except OSError as error:
            raise unreadable(str(path), error) from error
        opened = Opened(str(path), Path(path), spool)
        open_.callback(opened.close)
        yield opened


@contextmanager
def _spooled(stream: IO[bytes]) -> Iterator[IO[bytes]]:
    with tempfile.SpooledTemporaryFile(max_size=_SPOOL_BYTES) as spool:
        shutil.copyfileobj(stream, spool)
        yield cast(IO[bytes], spool)


def unreadable(name: str, error: Exception) -> InputError:
    """The error for a file that is not there, broken, or cut off."""
    return InputError(f"{name} cannot be read: {getattr(error, 'strerror', None) or error}")


def bounded_lines(stream: IO[bytes]) -> Iterator[tuple[int, bytes, bool]]:
    """(number from 1, line without what surrounds it, whether it was cut at LINE_BYTES_MAX); empty ones left
    out. Of a line that is too long no more than that is ever held."""
    number = 0
    read = stream.readline
    while raw := read(LINE_BYTES_MAX):
        number += 1
        cut = len(raw) == LINE_BYTES_MAX and raw[-1] != 0x0A
        while cut and (rest := read(LINE_BYTES_MAX)) and rest[-1] != 0x0A:
            pass
        if line := raw.strip():
            yield number, line, cut
