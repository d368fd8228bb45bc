"""CloudEvents headers in binary mode, as contracts.md asks of every record that we write."""

from __future__ import annotations


def ce_headers(topic: str, source: str | bytes) -> list[tuple[str, bytes]]:
    """The attributes that all records of a topic share; `ce_id` is added to each.

    `topic`: the contract's name, without prefix. `source`: who writes, e.g. "rapport/<namespace>/worker".
    """
    return [
        ("ce_specversion", b"1.0"),
        ("ce_type", f"rapport.{topic}".encode()),
        ("ce_source", source if isinstance(source, bytes) else source.encode()),
    ]
