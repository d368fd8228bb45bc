"""Relationship of brand and influencer: `relationship(inp: SignalInput) -> Score`, 0-100, D90.

    100 * (1 - prod_u (1 - tie(u)))     over the brand's employees u and its own accounts
    tie = (1 - e^(-T/20)) * (.5 + .5 rho),  T = sum of w 2^(-age/30 d) both ways,  rho = 2 min(T_ui, T_iu) / T

after Gilbert and Karahalios (2009), CHI '09, 211: recency, intensity, reciprocity. Parts: the strongest
ties, `overdue` (days since the strongest tie's last two-way contact over its mean gap), `one_sidedness`
(the brand's share of T), `bus_factor` (the strongest employee's share), `steadiness` (weeks with two-way
contact of the last 26), `quick_win` (share of contacts within 14 days of a contract), `stage` (0 Unaware
... 4 Advocate).

All is read off the ledger `ties`. A part's baseline is the same at the reference's end, at most 90 days
ago, with the days of contact as they were and the weight of a day as it is on average.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from math import exp, sqrt
from typing import Final

import msgspec

from processors.ledgers.ties import (
    DAYS,
    HALF_LIFE_D,
    BrandTalk,
    Tie,
    Ties,
    accounts_of,
    brand_key,
    mark_of,
    spread,
)
from processors.panes import DAY
from processors.scores import Score
from processors.signals.inputs import SignalInput
from schemas import Partnership

NAME: Final = "relationship"
WINDOW: Final = "D90"
SCALE: Final = 20.0
STAGES: Final = ("unaware", "aware", "interested", "engaged", "advocate")
#: A stage holds for so many days after its conditions have gone.
HYSTERESIS_D: Final = 14
#: Mean weight of one act: T over it is about how many acts it rests on.
ACT_WEIGHT: Final = 4.0
MIN_DAYS: Final = 14
#: Ties that a reading names; the map prints all.
SHOWN: Final = 5
WEEKS: Final = 26
QUICK_D: Final = 14
_90: Final = (1 << 90) - 1
_WEEK: Final = (1 << 7) - 1


class Strength(msgspec.Struct, frozen=True):
    """One account of the brand and the influencer. Days are counted back from today; None: never."""

    account: str
    key: str  # the keyed hash of the account, as hex
    employee: bool
    to: float  # T towards the influencer
    back: float
    strength: float  # 0..1
    contacts: int  # bit k: two-way contact k days ago
    to_days: int
    back_days: int
    threads: int
    since_days: int  # first act so many days ago

    @property
    def total(self) -> float:
        """T of both directions."""
        return self.to + self.back

    @property
    def last_contact(self) -> int | None:
        """Days since the last two-way contact."""
        return lowest(self.contacts)


def lowest(bits: int) -> int | None:
    """Position of the lowest bit set: days since the newest."""
    return (bits & -bits).bit_length() - 1 if bits else None


def positions(bits: int) -> list[int]:
    """Positions of the bits set, ascending: days ago."""
    found = []
    while bits:
        low = bits & -bits
        found.append(low.bit_length() - 1)
        bits ^= low
    return found


def tie(to: float, back: float) -> float:
    """Strength of a tie in [0, 1] from T of both directions."""
    total = to + back
    if total <= 0:
        return 0.0
    rho = 2 * min(to, back) / total
    return (1 - exp(-total / SCALE)) * (0.5 + 0.5 * rho)


def _faded(bits: int, from_day: int) -> float:
    """Sum of 2^(-age / 30 d) over the days set, seen from `from_day` days ago."""
    return float(sum(2.0 ** (-(k - from_day) / HALF_LIFE_D) for k in positions(bits) if k >= from_day))


def at_days_ago(bits: int, now: float, ago: int) -> float:
    """T as it was `ago` days ago, if a day of contact has always weighed what it weighs on average."""
    if ago <= 0:
        return now
    whole = _faded(bits, 0)
    return now * _faded(bits, ago) / whole if whole > 0 else 0.0


def ties_of(ledger: Ties, partnership: Partnership, at: int) -> list[Strength]:
    """The partnership's accounts that were ever in touch, strongest first."""
    people = {employee.account_id for employee in partnership.employees}
    marks = {mark_of(partnership.influencer_id, account): account for account in accounts_of(partnership)}
    today = at // DAY
    part = 2.0 ** (-(at % DAY) / DAY / HALF_LIFE_D)
    found = [_strength(t, marks[t.mark], people, today, part) for t in ledger.seen(tuple(marks), today)]
    return sorted(found, key=lambda s: (-s.strength, s.account))


def _strength(t: Tie, account: str, people: set[str], today: int, part: float) -> Strength:
    contacts = (t.to_days & spread(t.back_days)) | (t.back_days & spread(t.to_days))
    to, back = t.to * part, t.back * part
    return Strength(
        account, f"{t.hash:016x}", account in people, to, back, tie(to, back), contacts, t.to_days,
        t.back_days, t.threads, max(0, today - t.since),
    )  # fmt: skip


def together(strengths: Sequence[float]) -> float:
    """100 * (1 - prod (1 - tie))."""
    apart = 1.0
    for strength in strengths:
        apart *= 1 - strength
    return 100 * (1 - apart)


def mean_gap(bits: int) -> float | None:
    """Mean days between the days set; None for fewer than three."""
    days = positions(bits)
    return (days[-1] - days[0]) / (len(days) - 1) if len(days) > 2 else None


def stage_at(ties: Sequence[Strength], talk: BrandTalk | None, ago: int) -> int:
    """Stage by the 90 days before `ago` days ago, without hysteresis (index into STAGES)."""
    if talk is not None and ((talk.organic >> ago) & _90).bit_count() >= 2:
        return 4
    threads = 0
    for t in ties:
        threads |= (t.threads >> ago) & _90
    if threads.bit_count() >= 3 and positions(threads)[-1] // 7 != positions(threads)[0] // 7:
        return 3
    if talk is not None and (talk.talk >> ago) & _90:
        return 2
    return 1 if any(((t.to_days | t.back_days) >> ago) & _90 for t in ties) else 0


def stage(ties: Sequence[Strength], talk: BrandTalk | None) -> int:
    """The stage: it rises at once and falls when it has not been reached for 14 days."""
    best = 0
    for ago in range(HYSTERESIS_D + 1):
        best = max(best, stage_at(ties, talk, ago))
        if best == len(STAGES) - 1:
            break
    return best


def quick_share(contacts: int, partnership: Partnership, today: int) -> float | None:
    """Share of contact days within 14 days of a contract window; None without five contacts or a contract."""
    days = positions(contacts)
    if len(days) < 5 or not partnership.contracts:
        return None
    epoch = dt.date(1970, 1, 1).toordinal()
    windows = [
        (c.starts_on.toordinal() - epoch, c.ends_on.toordinal() - epoch) for c in partnership.contracts
    ]
    near = sum(
        any(start - QUICK_D <= today - k <= end + QUICK_D for start, end in windows) for k in days
    )  # fmt: skip
    return near / len(days)


def _weeks(contacts: int, weeks: int) -> int:
    return sum(bool((contacts >> (7 * week)) & _WEEK) for week in range(weeks))


def _plain(value: float | None, n: float, why: str | None = None, baseline: float | None = None) -> Score:
    if value is None:
        return Score(None, n, None, None, baseline, WINDOW, False, why)
    return Score(value, n, None, None, baseline, WINDOW)


def _interval(ties: Sequence[Strength]) -> tuple[float, float]:
    """Poisson noise of the acts behind each T."""
    ends = []
    for sign in (-1, 1):
        moved = []
        for t in ties:
            factor = max(0.0, 1 + sign * 1.96 / sqrt(max(1.0, t.total / ACT_WEIGHT)))
            moved.append(tie(t.to * factor, t.back * factor))
        ends.append(together(moved))
    return ends[0], ends[1]


def relationship(inp: SignalInput) -> Score:
    """The signal with its parts."""
    partnership = inp.partnership
    if not accounts_of(partnership):
        return Score.unmeasurable("neither employees nor accounts of the brand are named", window=WINDOW)
    ledger = inp.ledgers.get(Ties.name)
    if not isinstance(ledger, Ties) or not (ties := ties_of(ledger, partnership, inp.at)):
        why = "no act between the brand's people and the influencer was seen: are their acts fed in?"
        return Score.unmeasurable(why, window=WINDOW)
    measured = (inp.at - inp.first_event_at) / DAY
    if measured < MIN_DAYS:
        return Score.unmeasurable(f"{measured:.0f} days measured; {MIN_DAYS} would be needed", window=WINDOW)
    today = inp.at // DAY
    talk = ledger.towards_brand(brand_key(partnership.influencer_id, partnership.brand_id), today)
    contacts = 0
    for t in ties:
        contacts |= t.contacts
    value = together([t.strength for t in ties])
    lo, hi = _interval(ties)
    acts = sum(t.total for t in ties) / ACT_WEIGHT
    parts = _parts(inp, ties, talk, contacts, measured)
    return Score(value, acts, min(lo, value), max(hi, value), _baseline(inp, ties), WINDOW, parts=parts)


def _baseline(inp: SignalInput, ties: Sequence[Strength]) -> float | None:
    if inp.reference is None:
        return None
    ago = min(90, max(0, (inp.at - inp.reference.ends) // DAY))
    return together(
        [tie(at_days_ago(t.to_days, t.to, ago), at_days_ago(t.back_days, t.back, ago)) for t in ties]
    )


def _parts(
    inp: SignalInput, ties: Sequence[Strength], talk: BrandTalk | None, contacts: int, measured: float
) -> dict[str, Score]:
    total = sum(t.total for t in ties)
    people = max((t.total for t in ties if t.employee), default=0.0)
    days = contacts.bit_count()
    weeks = max(1, min(WEEKS, int(measured) // 7))
    quick = quick_share(contacts, inp.partnership, inp.at // DAY)
    steady = _weeks(contacts, weeks) / weeks
    strongest = max(ties, key=lambda t: (t.contacts.bit_count(), t.total))
    gap = mean_gap(strongest.contacts)
    last = strongest.last_contact
    few = f"{strongest.contacts.bit_count()} days of two-way contact; 3 would be needed"
    parts = {
        "overdue": _plain(None if gap is None or last is None else last / max(1.0, gap), days, few),
        "one_sidedness": _plain(sum(t.to for t in ties) / total if total > 0 else None, days, "no contact"),
        "bus_factor": _plain(people / total if total > 0 else None, days, "no contact"),
        "steadiness": _plain(steady, weeks),
        "quick_win": _plain(quick, days, f"{days} days of contact and a contract; 5 would be needed"),
        "stage": _plain(float(stage(ties, talk)), days),
    }
    for number, t in enumerate(ties[:SHOWN], 1):
        parts[f"tie_{number}"] = _plain(t.strength, t.total / ACT_WEIGHT)
    return parts


assert DAYS >= 7 * WEEKS
