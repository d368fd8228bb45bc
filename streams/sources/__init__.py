"""Sources: from what platforms send to events of the contract. See docs/sources.md."""

from streams.sources.base import Options, Parsed, Source
from streams.sources.errors import Reason
from streams.sources.registry import SOURCES, open_source

__all__ = ["SOURCES", "Options", "Parsed", "Reason", "Source", "open_source"]
