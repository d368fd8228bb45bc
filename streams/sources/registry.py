"""The sources that are built in, by name."""

from __future__ import annotations

from typing import Final

from streams.errors import InputError
from streams.sources.activitystreams import ActivityStreams
from streams.sources.base import Options, Source
from streams.sources.bluesky import Bluesky
from streams.sources.instagram import Instagram
from streams.sources.linkedin import LinkedIn
from streams.sources.mastodon import Mastodon
from streams.sources.tiktok import TikTok
from streams.sources.youtube import YouTube

SOURCES: Final[dict[str, type[Source]]] = {
    source.name: source
    for source in (Bluesky, Mastodon, ActivityStreams, Instagram, YouTube, TikTok, LinkedIn)
}


def open_source(name: str, options: Options | None = None) -> Source:
    """The source of that name. Raises InputError."""
    found = SOURCES.get(name)
    if found is None:
        raise InputError(f"no source {name!r}: there are {', '.join(SOURCES)}")
    return found(options)
