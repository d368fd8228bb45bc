"""What is rung about paid versus all-in: advertising that does not say so, mentions that stop, and too much
of it.

    undisclosed(look) -> verdicts        one per post, open until it is corrected or seven days old
    mentions_silence(look) -> Verdict    inside a paid contract nobody speaks of the brand any more
    mentions_stop(look) -> Verdict       the contract (PO) is over, and so are the mentions
    saturation(look) -> Verdict          far more of the posts are paid for than before

Mentions are judged per own post, not per day: a posting pause or a holiday has no posts, so it says
nothing. With k mentions in n posts before, the chance that m posts go by without any is beta-binomial, B(k
+ .5, n - k + .5 + m) / B(k + .5, n - k + .5), so that few posts promise little; and the silence must
outlast half as much again as the longest one before. Saturation is judged on the posts since a start that
the test may choose, against the posts before it and a prior from the usual bands.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import exp, lgamma, log
from typing import Final

import msgspec

from processors.detection.explainers import declared
from processors.detection.look import Look
from processors.detection.verdict import CausePart, Considered, Verdict
from processors.disclosure import rule_of
from processors.ledgers.base import Ledger
from processors.ledgers.brand import PAYS, Brand, key_of
from processors.ledgers.brand_days import ORGANIC, PAID, PAID_POSTS, POSTS, Days, Item, Part
from processors.panes import DAY
from processors.signals.all_in import NAME, WINDOW, band, last_end
from processors.signals.inputs import SignalInput

EVENT, SILENCE, LEAK = "event", "silence", "leak"
STOPS, STOPPED, SATURATED = "mentions_silence", "mentions_stop", "saturation"
#: False alerts per influencer-month of a silence inside a contract.
BUDGET: Final = 0.004
#: An event alert is closed after so many days (contracts.md).
OPEN_S: Final = 7 * DAY
#: Mentions that make a habit, and the days of habit that are looked back on.
LEAST_MENTIONS, HABIT_DAYS = 5, 90
#: A habit of few days is drawn to two mentions a week (the design's one to three), worth a fortnight.
USUAL_MENTIONS, USUAL_DAYS = 4.0, 14.0
#: A silence of mentions shorter than this breaks off nothing, days.
LEAST_SILENCE: Final = 6
#: What is expected after a contract's end of the rate inside it, if it was not only for the money (.4-.8
#: measured as usual in the design's figures), and the chance of silence that rings: an end comes once or
#: twice a year.
AFTER_KEEPS, AFTER_P, AFTER_MORE_P = 0.6, 0.03, 0.003
AFTER_DAYS: Final = 60
#: The bands' middle counts as so many posts; a share must grow by this much, and beyond the band.
BAND_POSTS, GROWS_BY, LEAST_ADS = 14.0, 0.15, 4
#: The longest stretch that is picked, and the least before it, days.
MOST_DAYS, LEAST_BEFORE = 56, 21
#: Chance of as many paid posts in the stretch that is picked: the budget over 15 posts a month and the
#: picking.
SATURATION_P: Final = 1e-3


def _ledger(inp: SignalInput) -> Brand:
    """The ledger; an empty one stands in, since one without content is not stored."""
    ledger = inp.ledgers.get(Brand.name)
    return ledger if isinstance(ledger, Brand) else Brand()


def _calm(
    rule: str, subject: str, reason: str, *, measurable: bool = True, recovered: bool = True
) -> Verdict:
    return Verdict(
        signal=NAME, rule=rule, subject=subject, breached=False, recovered=recovered, severity=None,
        measurable=measurable, reason=reason, window=WINDOW,
    )  # fmt: skip


# -- advertising that does not say so --------------------------------------------------------------------

_CUE: Final = {
    "code": "names the brand with a discount code", "discount": "names the brand with a discount",
    "link": "names the brand with a link to buy", "call to buy": "names the brand and invites to buy",
    "relation": "names the brand and hints at working together", "declared": "was declared as advertising",
    "label": "was labelled as advertising", "tag": "calls itself advertising",
}  # fmt: skip
_LACKS: Final = {
    "late": "“{tag}” stands below what people see before “more” (the first three lines or 125 characters)",
    "buried": "“{tag}” stands in a row of other hashtags, where it is easily missed",
    "weak": "“{tag}” alone does not tell people that it is advertising",
    "none": "nothing at its beginning tells people that it is advertising yet",
}  # fmt: skip


def undisclosed_waits(ledger: Ledger, at: int) -> bool:
    """Whether a post of the last seven days is advertising without saying so, for any brand."""
    return isinstance(ledger, Brand) and any(
        part.sponsored and not part.proper
        for item in ledger.items.values()
        if at - OPEN_S < item.at <= at
        for part in item.parts
    )


def undisclosed(look: Look) -> Iterable[Verdict]:
    """One verdict per own post of the last seven days that is advertising for this brand without saying
    so."""
    inp = look.inp
    ledger = _ledger(inp)
    whose = key_of(inp.partnership.partnership_id)
    for item in ledger.recent(inp.at):
        if item.at <= inp.at - OPEN_S:
            continue
        for part in item.parts:
            if part.whose == whose and part.sponsored and not part.proper:
                yield _undisclosed(inp, item, part)


def _undisclosed(inp: SignalInput, item: Item, part: Part) -> Verdict:
    rule = rule_of(inp.partnership.disclosure_country)
    lacks = _LACKS.get(part.why, _LACKS["none"]).format(tag=part.tag)
    tags = rule.tags[0] if len(rule.tags) == 1 else f"{', '.join(rule.tags[:-1])} or {rule.tags[-1]}"
    cue = _CUE.get(part.how, _CUE["declared"])
    event = next((post.event_id for post in inp.posts if post.id_hash == item.made and post.event_id), "")
    return Verdict(
        signal=NAME, rule=EVENT, subject=f"{item.key:016x}"[:12], breached=True, recovered=False,
        severity="warning", measurable=True, reason="undisclosed", n=1.0, window="post", evidence_needed=0,
        cause=(CausePart("disclosure", 1.0, 0.0, 0.0),), event_ids=(event,) if event else (), explainers=(
            Considered("platform_label", False, "the platform's label is not set"),
            Considered("organic_mention", False, f"a paid contract runs, and the post {cue}" if part.how not
            in
                       ("declared", "label", "tag") else f"the post {cue}"),
        ),
        summary=(
            f"A post {cue} within a paid partnership, and {lacks}. The {rule.named} ask for a clear label "
            f"at the very "
            f"beginning, such as {tags}."
        ),
        advice=(
            f"Ask for the post to be edited soon: the platform's label, or {rule.tags[0]} as its first "
            f"word. It may well "
            "be an oversight; the alert closes by itself once the post is corrected."
        ),
    )  # fmt: skip


# -- mentions that stop ----------------------------------------------------------------------------------


class Habit(msgspec.Struct, frozen=True):
    """Mentions before a silence, per own post. All spans in own posts, except `days`."""

    mentions: int
    posts: int
    longest: int  # posts between two mentions
    silent: int  # posts since the last mention (or since `floor`)
    days: int  # days since then
    over: int  # days that the habit was seen over

    def chance(self, keeps: float = 1.0) -> float:
        """Chance of this silence if the habit went on (at `keeps` of its rate): beta-binomial over posts."""
        k = keeps * self.mentions
        a, b, m = k + 0.5, max(0.0, self.posts - k) + 0.5, self.silent
        return exp(lgamma(b + m) + lgamma(a + b) - lgamma(b) - lgamma(a + b + m))

    @property
    def by_days(self) -> float:
        """The same over days, gamma-Poisson: a habit of few days must not promise much."""
        held = self.mentions + USUAL_MENTIONS
        return exp(-held * log(1 + self.days / (self.over + USUAL_DAYS)))

    @property
    def outlasts(self) -> bool:
        """Whether it is longer than any usual silence."""
        return self.silent > 1.5 * self.longest and self.days >= LEAST_SILENCE


def habit(days: Days, own: Days, first: int, last: int, until: int, floor: int | None = None) -> Habit | None:
    """The habit of the days first..last, and the silence from the last mention (not before `floor`) to
    `until`.

    Days since 1970, all included. None with fewer than LEAST_MENTIONS mentions. A day's mentions count at
    most as often as it has posts: quotes and shares of the brand name it too."""
    named = days.days_with(first, last, ORGANIC, PAID)
    if not named:
        return None
    since = named[-1] if floor is None else max(floor, days.days_with(first, until, ORGANIC, PAID)[-1])
    upto = named[-1] if floor is None else last
    posts = own.total(POSTS, first, upto)
    mentions = sum(
        min(max(1, own.total(POSTS, day, day)), days.total(ORGANIC, day, day) + days.total(PAID, day, day))
        for day in named
    )
    if mentions < LEAST_MENTIONS:
        return None
    gaps = [own.total(POSTS, a + 1, b - 1) for a, b in zip((first - 1, *named), named, strict=False)]
    return Habit(
        mentions,
        max(posts, mentions),
        max(gaps, default=0),
        own.total(POSTS, since + 1, until),
        until - since,
        max(1, upto - first + 1),
    )


def _contract(inp: SignalInput) -> tuple[int, int] | None:
    """(first, last day) of the paid contract that runs now."""
    today = inp.at // DAY
    for contract in inp.partnership.contracts:
        start, end = contract.starts_on.toordinal() - 719_163, contract.ends_on.toordinal() - 719_163
        if contract.kind in PAYS and start <= today <= end:
            return start, end
    return None


def _answers_chance(inp: SignalInput) -> tuple[float, float]:
    """(chance that no comment was answered since the last answer, answers expected): variance twice the
    mean."""
    ref, gap = inp.reference, inp.gap
    if ref is None or ref.reply_rate is None or gap.since is None:
        return 1.0, 0.0
    expected = sum(n * rate for n, rate in zip(gap.comments_by_age, ref.reply_curve, strict=False))
    phi = max(2.0, ref.reply_phi)
    return phi ** (-expected / (phi - 1)), expected


def mentions_silence(look: Look) -> Verdict:
    """Inside a paid contract: no mention in far more posts than usual; silence on comments counts beside
    it."""
    inp = look.inp
    ledger, contract = _ledger(inp), _contract(inp)
    if contract is None:
        return _calm(SILENCE, STOPS, "no_contract")
    today = inp.at // DAY - 1  # whole days
    days, own = ledger.days(inp.partnership.partnership_id), ledger.own()
    found = habit(days, own, max(contract[0], today - HABIT_DAYS), today, today)
    if found is None:
        return _calm(SILENCE, STOPS, "warming_up", measurable=False)
    chance = max(found.chance(), found.by_days)
    answers, expected = _answers_chance(inp)
    both = (
        chance * answers if expected >= 1.0 and inp.gap.since is not None and inp.gap.posts >= 2 else chance
    )
    # As many silences begin in a month as there are mentions; each may ring.
    span = max(7, today - max(contract[0], today - HABIT_DAYS) + 1)
    allowed = min(0.02, BUDGET / max(1.0, 30 * found.mentions / span))
    held = _explained(inp)
    quiet = found.outlasts and both < allowed and (both == chance or chance < 0.1)
    return _mentions(
        inp, STOPS, found, quiet, held, both, f"The brand has not been named in {found.silent} posts over "
        f"{found.days} days, though its contract runs; before, "
        f"{found.mentions} of {found.posts} posts "
        f"named it.", "Ask how things are going before asking for posts: silence inside a contract often "
        "has a reason that can be "
        "talked about (product, workload, a change of plan).",
    )  # fmt: skip


def mentions_stop(look: Look) -> Verdict:
    """After the last contract: no mention where, at a usual share of the rate inside, some were to be
    expected."""
    inp = look.inp
    ledger, ended = _ledger(inp), last_end(inp)
    if ended is None or any(_begins_soon(inp)):
        return _calm(SILENCE, STOPPED, "contract")
    start, end = ended
    today = inp.at // DAY - 1
    if today <= end:
        return _calm(SILENCE, STOPPED, "steady")
    if today > end + AFTER_DAYS:
        return _calm(SILENCE, STOPPED, "over")
    days, own = ledger.days(inp.partnership.partnership_id), ledger.own()
    found = habit(days, own, max(start, end - HABIT_DAYS), end, today, end)
    if found is None:
        return _calm(SILENCE, STOPPED, "warming_up", measurable=False)
    chance = found.chance(AFTER_KEEPS)
    first = not days.days_with(end + 1, today, ORGANIC, PAID)
    quiet = found.outlasts and chance < (AFTER_P if first else AFTER_MORE_P)
    since = "since the contract ended" if first else "for a while after the contract ended"
    return _mentions(
        inp, STOPPED, found, quiet, _explained(inp), chance, f"The brand has not been named {since}: none "
        f"of {found.silent} posts in {found.days} days, where "
        f"{found.mentions} of {found.posts} named "
        f"it inside the contract.", "A relationship that goes on without a contract shows in unasked "
        "mentions: stay in touch, send news and samples "
        "without conditions, and talk about what a "
        "longer partnership could look like.",
    )  # fmt: skip


def _begins_soon(inp: SignalInput) -> Iterable[bool]:
    today = inp.at // DAY
    return (0 <= c.starts_on.toordinal() - 719_163 - today <= 14 for c in inp.partnership.contracts)


def _explained(inp: SignalInput) -> tuple[Considered, ...]:
    return declared(inp, NAME)


def _mentions(
    inp: SignalInput, subject: str, found: Habit, quiet: bool, held: Sequence[Considered], chance: float,
    summary: str, advice: str,
) -> Verdict:  # fmt: skip
    before = found.mentions / found.posts
    accepted = any(each.accepted for each in held)
    posted = Considered("posting_pause", False, f"{found.silent} posts since the last mention")
    breached = quiet and not accepted
    return Verdict(
        signal=NAME, rule=SILENCE, subject=subject, breached=breached, recovered=found.silent <=
        found.longest, severity=("critical" if chance < 1e-5 else "warning") if breached else None,
        measurable=True, reason="mentions_stopped" if breached else "explained" if quiet else "steady",
        effect=-1.0 if quiet else 0.0, n=float(found.silent), window=WINDOW, cause=(CausePart("mentions",
        before, 0.0, 0.0),), evidence_needed=0, explainers=(posted, *held), summary=summary, advice=advice,
    )  # fmt: skip


# -- too much advertising --------------------------------------------------------------------------------


def tail(k: int, n: int, a: float, b: float) -> float:
    """P(at least k of n) of the beta-binomial with prior Beta(a, b)."""
    if k <= 0:
        return 1.0
    whole = lgamma(a + b) - lgamma(a) - lgamma(b)
    total = 0.0
    for i in range(k, n + 1):
        ways = lgamma(n + 1) - lgamma(i + 1) - lgamma(n - i + 1)
        total += exp(whole + ways + lgamma(a + i) + lgamma(b + n - i) - lgamma(a + b + n))
    return min(1.0, total)


def saturation(look: Look) -> Verdict:
    """The share of paid posts since some day of the last eight weeks against that of the days before it."""
    inp = look.inp
    ledger = _ledger(inp)
    own = ledger.own()
    low, high = band(inp.followers)
    usual = (low + high) / 2
    today = inp.at // DAY - 1
    first = max(inp.first_event_at // DAY, today - 150)
    best: tuple[float, int, int, float, int] | None = None  # chance, paid, posts, share before, days
    n = k = 0
    n_all, k_all = own.total(POSTS, first, today), own.total(PAID_POSTS, first, today)
    for length in range(1, min(MOST_DAYS, today - first - LEAST_BEFORE + 1) + 1):
        row = own.rows.get(today - length + 1, ())
        n += row[POSTS] if row else 0
        paid_then = row[PAID_POSTS] if len(row) > PAID_POSTS else 0
        k += paid_then
        if length < 7 or k < LEAST_ADS or not paid_then:
            continue
        n0, k0 = n_all - n, k_all - k
        a, b = BAND_POSTS * usual + k0, BAND_POSTS * (1 - usual) + n0 - k0
        before = max(a / (a + b), usual)
        if before > a / (a + b):  # less than usual before: the usual is no rise
            a, b = before * (a + b), (1 - before) * (a + b)
        chance = tail(k, n, a, b)
        if best is None or chance < best[0]:
            best = chance, k, n, before, length
    if best is None:
        return _calm(LEAK, SATURATED, "steady")
    chance, paid, posts, before, length = best
    share = paid / posts
    held = tuple(
        msgspec.structs.replace(each, accepted=each.accepted and each.kind in ("advertising", "campaign"))
        for each in declared(inp, NAME)
    )
    grown = share >= max(high, before + GROWS_BY)
    breached = chance < SATURATION_P and grown and not any(each.accepted for each in held)
    return Verdict(
        signal=NAME, rule=LEAK, subject=SATURATED, breached=breached, recovered=share < max(high, before +
        GROWS_BY / 2), severity=("critical" if share >= 0.5 else "warning") if breached else None,
        measurable=True, reason="saturation" if breached else "steady", effect=-(share - before) if grown
        else 0.0, n=float(posts), window=WINDOW, cause=(CausePart("saturation", before, share, log(max(1e-9,
        1 - share) / (1 - before))),), evidence_needed=0, explainers=(Considered("one_campaign", False,
        f"{paid} paid posts over {length} days"), *held), summary=(
            f"Advertising makes up {share:.0%} of the posts of the last {length} days ({paid} of {posts}); "
            f"before, it was "
            f"{before:.0%}, and {low:.0%} to {high:.0%} is usual for this size."
        ),
        advice=(
            "Spread what is booked over more weeks, and leave room for posts that nobody pays for: "
            "audiences turn away "
            "from feeds that are mostly advertising."
        ),
    )  # fmt: skip
