"""What each source cannot tell, as readings say it (`processors.untold`)."""

from __future__ import annotations

from pathlib import Path

from processors.untold import Untold
from streams.settings import Settings
from streams.sources.base import Source
from streams.sources.mapping import load_mapping
from streams.sources.registry import SOURCES


def untold_of(source: Source) -> Untold:
    """What readings of this source's influencers say."""
    comments = source.abilities["comments"]
    return Untold(
        {part: f"{source.name}: {why}" for part, why in source.not_measurable().items()},
        f"{source.name}: {comments.why}" if comments.level == "anonymous" else None,
    )


def untold_by_source(settings: Settings) -> dict[str, Untold]:
    """By name of the source: those that are built in, and those of RAPPORT_MAPPINGS. Raises InputError."""
    sources: list[Source] = [made() for made in SOURCES.values()]
    sources += [load_mapping(Path(name.strip())) for name in settings.mappings.split(",") if name.strip()]
    return {source.name: untold_of(source) for source in sources}
