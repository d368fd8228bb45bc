"""Files of recorded engagement as records in the order in which they are to be sent.

    with open_recording(["a.ndjson.zst", "b.parquet"], How()) as recording:
        for line in recording.lines(Ear(bad.append)): ...

What a file is, is seen from its name and its first bytes: NDJSON of canonical events, CSV and Parquet by
their columns (`columns`), what `rapport export` wrote (`exported`), real retweets, or raw payloads of a
source or a mapping file (`payloads`). gzip and Zstandard are unpacked on the way, `-` is standard input.
Memory does not grow with the file, save for `retweets`, which are sorted by time, and documents (.json,
.xml) of payloads.
"""

from __future__ import annotations

from streams.reading.model import BadLine, Ear, How, Line
from streams.reading.recording import FORMATS, Recording, open_recording

__all__ = ["FORMATS", "BadLine", "Ear", "How", "Line", "Recording", "open_recording"]
