"""What a signal is computed from: plain values, gathered by the partition core at one boundary.

A signal is a function `(SignalInput) -> Score`. It sees no Kafka, no Redis, no clock.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from processors.panes import N_KINDS, N_LATENCY, Pane
from processors.untold import NOTHING, Untold
from schemas import Partnership

if TYPE_CHECKING:
    from processors.ledgers.base import Ledger
    from processors.snapshot import Snapshot

#: Ages (s) at which posts are compared: 1 h, 6 h, 24 h, 72 h.
POST_AGES = (3_600, 21_600, 86_400, 259_200)


@dataclass(slots=True)
class PostStat:
    """What one own post drew, by age. `weight[i]` = sum of w(kind)(1-f), in hundredths, of acts at age
    <= POST_AGES[i] (cumulative only up to the post's present age); likes and comments likewise."""

    id_hash: int
    at: int  # epoch seconds
    sponsored: bool = False
    weight: list[int] = field(default_factory=lambda: [0] * len(POST_AGES))
    likes: list[int] = field(default_factory=lambda: [0] * len(POST_AGES))
    comments: list[int] = field(default_factory=lambda: [0] * len(POST_AGES))
    event_id: str = ""  # of the post itself: evidence for alerts


@dataclass(frozen=True, slots=True)
class Exposure:
    """Comments at risk of an answer, for Kaplan-Meier (see `survival.exposure_of`, which fills it from
    panes).

    Per latency bin i: `at_risk[i]` = genuine comments whose age reaches the bin's upper edge (fully exposed)
    and that were not answered in an earlier bin; `answered[i]` = those *of these* answered within the bin;
    `comments` = all genuine comments of the window, of any age."""

    at_risk: Sequence[int] = (0,) * N_LATENCY
    answered: Sequence[int] = (0,) * N_LATENCY
    comments: int = 0


@dataclass(frozen=True, slots=True)
class Gap:
    """Since the influencer's last answer: a histogram of the comments that came since, by age now. Column i
    counts ages in (LATENCY_EDGES[i-1], LATENCY_EDGES[i]], the last column also everything older (not
    cumulative), so that the expected number of answers can be computed."""

    since: int | None = None  # epoch s of the last answer; None: never seen
    comments_by_age: Sequence[int] = (0,) * N_LATENCY
    posts: int = 0  # own posts since then


@dataclass(frozen=True, slots=True)
class ActorSample:
    """Distinct engaged credible-weighted actors by attribute value, from the threshold sample, scaled to
    nothing: raw sampled counts. `rate` = share of actors sampled (1.0: everyone)."""

    actors: int = 0  # sampled distinct actors in the window
    rate: float = 1.0
    country: dict[str, float] = field(default_factory=dict)  # value -> sum of credibility s over known
    lang: dict[str, float] = field(default_factory=dict)
    country_known: int = 0  # distinct sampled actors whose country is known
    lang_known: int = 0


@dataclass(frozen=True, slots=True)
class Reference:
    """The frozen reference of one partnership: sums over the 28 days before the contract, or else the first
    28 measured days. Daily values keep the past's own spread (overdispersion)."""

    starts: int  # epoch s
    ends: int
    frozen_at: int
    days: int  # days with any event
    total: Pane  # sum of the day panes
    reply_rate: float | None  # Kaplan-Meier estimate at 48 h over the stretch
    reply_n: float  # effective number of comments it rests on
    reply_curve: Sequence[float]  # share answered within each LATENCY_EDGES edge
    reply_phi: float  # overdispersion of daily answered/answerable (>= 1)
    depth: float | None  # deep / (deep + likes)
    depth_phi: float
    quality_rate: float | None  # median over posts, at age 24 h: weight/(followers)
    quality_rate_log_sd: float | None
    quality_posts: int
    kind_mix: Sequence[float]  # pi_k, 12 columns, share of audience acts by kind
    fit: float | None  # audience fit 0..100 at freezing
    fit_n: float
    followers: int | None
    fit_by: dict[str, tuple[float, float]] = field(default_factory=dict)  # attribute -> (fit 0..1, n)
    #: attribute -> (share of acts in the target, acts known, overdispersion of the daily shares)
    mix_by: dict[str, tuple[float, float, float]] = field(default_factory=dict)
    busiest_day: int = 0  # most genuine acts of one day
    genuineness: float | None = None  # G of `total` under `kind_mix`; None where profiles were too few
    reply_median_s: float = 0.0  # median latency of the answers given within 48 h; 0: none
    method: str = "2"  # method version under which it was frozen
    quiet_s: int = 0  # longest stretch of the past with comments but no answer to any of them, seconds


@dataclass(frozen=True, slots=True)
class SignalInput:
    """Everything known about one partnership at one boundary `at` (epoch s, multiple of 300)."""

    at: int
    partnership: Partnership
    followers: int | None
    first_event_at: int
    h1: Pane
    d1: Pane  # the last 24 full hours
    d7: Pane
    d28: Pane
    posts: Sequence[PostStat]  # up to 30, oldest first
    exposure_d7: Exposure
    exposure_d28: Exposure
    gap: Gap
    actors_d28: ActorSample
    reference: Reference | None
    last_post_at: int | None
    #: (day start, pane) of whole days before `at`, oldest first, up to 35; quiet days are left out.
    day_totals: Sequence[tuple[int, Pane]] = ()
    #: The same for the days of the frozen reference's stretch; empty without a reference.
    reference_days: Sequence[tuple[int, Pane]] = ()
    #: (hour start, pane) of whole hours before `at`, oldest first, the last 48.
    hours: Sequence[tuple[int, Pane]] = ()
    #: What the influencer's ledgers hold, by name (processors/ledgers).
    ledgers: Mapping[str, Ledger] = field(default_factory=dict)
    #: Acts of the audience by kind, ever counted (lifetime counts, columns as KINDS): it only grows, so it is
    #: what "confirmed by new evidence" is measured with. Left out, no alert is ever confirmed.
    lifetime: Sequence[int] = (0,) * N_KINDS
    #: What crosses influencers. It may explain, and no more: it is as old as the last merge.
    snapshot: Snapshot | None = None
    #: What the influencer's source cannot tell.
    untold: Untold = NOTHING
