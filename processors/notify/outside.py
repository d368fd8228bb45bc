"""What the engine does not know by itself, handed to it with each look: silences, acknowledgements, sources
that are silent, receivers that are off."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from schemas.acts import Silence


@dataclass(frozen=True, slots=True)
class Outside:
    """All that the engine does not know by itself."""

    silences: Sequence[Silence] = ()
    acked: frozenset[str] = frozenset()
    """Alert ids."""
    sources: Sequence[Mapping[str, str]] = field(default_factory=tuple)
    """Labels of the firing alerts about sources, on whatever partition."""
    off: frozenset[str] = frozenset()
    """Receivers that are switched off."""

    def silenced(self, labels: Mapping[str, str], at: datetime) -> bool:
        """Whether a silence holds for an alert with these labels at `at` (aware)."""
        return any(silence.active(at) and silence.matches(labels) for silence in self.silences)

    def cut_off(self, labels: Mapping[str, str]) -> bool:
        """Whether the source that the alert's partnership lives on is silent."""
        return labels.get("signal") != "source" and any(source_covers(one, labels) for one in self.sources)


def source_covers(source: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    """Whether a source alert is about the source that an alert's partnership lives on: the same partnership
    or influencer where it names one; else the influencer's id begins with the source's name (`bluesky:…`)."""
    for name in ("partnership_id", "influencer_id"):
        if name in source:
            return source[name] == labels.get(name)
    subject = source.get("subject")
    return subject is not None and labels.get("influencer_id", "").startswith(subject + ":")
