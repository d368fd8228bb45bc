"""partnership.readings.v1: how a partnership stands. Compacted by partnership."""

from __future__ import annotations

from pydantic import Field

from schemas.common import Flag, Id, Number, Record, Text, Time


class SignalReading(Record):
    """One number with what it rests on."""

    value: Number | None = None
    """0 to 100 for signals; null: not measurable, `why` says what is missing."""
    n: Number = Field(default=0.0, ge=0)
    """Effective sample size."""
    lo: Number | None = None
    """Lower end of the 95 % interval."""
    hi: Number | None = None
    baseline: Number | None = None
    """The frozen reference, in the same unit."""
    window: Text | None = None
    """H1, D1, D7, D28, D90, M12."""
    window_end: Time | None = None
    complete: Flag = True
    """False: provisional, its window is still filling."""
    measurable: Flag = True
    why: Text | None = None
    parts: dict[Text, SignalReading] = Field(default_factory=dict)


class Reading(Record):
    """All signals of one partnership at one time."""

    partnership_id: Id
    influencer_id: Id
    brand_id: Id | None = None
    """Null for influencers without a partnership."""
    tier: Text | None = None
    """Size class of the influencer: nano, micro, mid, macro, mega; null: followers unknown."""
    at: Time
    """Boundary in event time."""
    health: SignalReading
    signals: dict[Text, SignalReading] = Field(default_factory=dict)
    """By name: interaction_quality, audience_fit, authenticity, connection, all_in, relationship."""
    method_version: Text = "1"
    provisional: Flag = False
    """Made between boundaries."""
    corrected: Flag = False
    """Late events changed a window that was read before."""
    snapshot_id: Text | None = None
    """The snapshot of what crosses influencers that was used."""
    source: Text | None = None
    """The source that the influencer's newest event came from."""
    source_age_s: Number | None = Field(default=None, ge=0)
    """Seconds at `at` since the newest event of the influencer's source, of whomever."""
    warming_up: Text | None = None
    """Why nothing is compared with a frozen reference yet; null where it is."""
