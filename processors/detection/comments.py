"""Bought comments: `bought_comments(look) -> Verdict`, over the newest one, two and three posts.

A campaign shows in several ways, of which any may be hidden: more comments than the likes account for; the
same words with edits from many accounts; accounts of low credibility; the same accounts under post after
post; words that would do anywhere. Each is compared with the influencer's own older posts, as a chance (exact
binomial tail, the past's uncertainty and wandering included), and they are added up as decimal logs, each
capped: one sign alone speaks only where it is the words, and plainly so. What asks for names of friends is a
giveaway; a viral post brings likes with its comments; real people repeat short texts and emoji all the time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import erfc, exp, lgamma, log, log1p, log10, sqrt
from operator import attrgetter
from typing import Final

import msgspec
from msgspec.structs import replace

from processors.detection.explainers import aftermath, declared
from processors.detection.followers import tail, verdict
from processors.detection.look import Look
from processors.detection.sequential import location_scale
from processors.detection.verdict import Considered, Verdict
from processors.ledgers.comments import Comments, Row
from processors.panes import DAY, KIND_INDEX
from processors.signals.authenticity import NAME
from processors.signals.inputs import PostStat, SignalInput

Pair = tuple[PostStat, Row]

SUBJECT: Final = "bought_comments"
RULE: Final = "threshold"
_COMMENT: Final = KIND_INDEX["comment"]
#: Newest posts that are judged (up to so many), and those left out of the past when enough others are there.
NEWEST, LEFT_OUT, ENOUGH = 3, 6, 12
#: The past must hold so many posts and comments.
MIN_POSTS, MIN_COMMENTS = 3, 3
#: So many posts with likes that hardly anybody commented on are a past, too.
QUIET_POSTS, QUIET_LIKES = 8, 30
#: Posts older than this are not judged any more.
JUDGED_S: Final = 14 * DAY
#: Share -> (prior share, worth so many comments, wandering sd, overdispersion).
_SHARES: Final = {
    "repeated": (0.04, 15.0, 0.03, 1.5),
    "exact": (0.02, 20.0, 0.015, 1.5),
    "fresh": (0.03, 20.0, 0.02, 1.5),
    "low": (0.20, 10.0, 0.06, 1.5),
    "again": (0.12, 15.0, 0.06, 1.5),
    "strangers": (0.12, 15.0, 0.15, 1.5),
    "generic": (0.12, 15.0, 0.06, 1.5),
    "foreign": (0.04, 15.0, 0.05, 1.5),
}
#: Wandering of comments per like from post to post: least sd of the log, and a prior worth five posts.
RATIO_SD, RATIO_PRIOR = 0.25, 0.35
#: Decimal logs of chances: what one sign may count, from where it counts, and what they must add up to.
CAPS: Final = {"volume": 6.0, "strangers": 3.0, "generic": 2.0, "foreign": 3.0}
CAP, COUNTS, SUM = 4.0, 0.7, 3.7
#: Another sign than volume must reach this (the second where volume is plain); the words alone this.
BESIDE, BESIDE_PLAIN, ALONE = 1.3, 0.8, 6.0
PLAIN: Final = 3.0
#: Volume alone speaks over two posts, at (so many times what the likes account for, with such a chance).
VOLUME_ALONE: Final = ((3.5, 6.0), (5.0, 3.8))
#: New comments that confirm it; where a second post is evidence already, and the sum this high, one.
CONFIRM, SURE = 3, 5.2
#: Comments beyond the usual, or repeated ones, that it must be about.
MIN_EXCESS: Final = 5
#: An earlier campaign in the past: so many posts must tell, z of the comments, and how far one of these
#: shares must differ.
WAVE_PAST, WAVE_Z, WAVE_DIFFERS = 8, 2.0, 0.15
WAVE_SIGNS: Final = ("low", "fresh", "exact", "repeated")
#: Share of comments that name somebody from which it is a giveaway, and its multiple of the usual.
TAGGED, TAGGED_TIMES = 0.3, 2.0

SEEN: Final = {
    "repeated": "comments nearly repeat each other's words",
    "exact": "comments repeat each other's words",
    "fresh": "many use the same words, which nobody used before",
    "low": "more of those who comment have profiles of low credibility",
    "again": "the same accounts comment under post after post",
    "strangers": "hardly anyone who comments was here before",
    "generic": "more comments would fit under any post",
    "foreign": "more of those who comment are from countries from which hardly anyone did before",
    "volume": "there are more comments than the likes account for",
}
ADVICE: Final = (
    "Read the newest comments together with the influencer, hide what repeats itself, and leave those "
    "comments out of what is paid for; anyone can order comments for someone else."
)


class Sign(msgspec.Struct, frozen=True):
    """One way in which a campaign may show: before, after, and the decimal log of its chance (>= 0)."""

    name: str
    before: float
    after: float
    weight: float


class Totals(msgspec.Struct, frozen=True):
    """Columns of `Row` added up over posts."""

    count: int = 0
    long: int = 0
    exact: int = 0
    near: int = 0
    compared: int = 0
    known: int = 0
    low: int = 0
    tagged: int = 0
    generic: int = 0
    again: int = 0
    seen: int = 0
    worded: int = 0
    fresh: int = 0
    placed: int = 0
    foreign: int = 0


_columns = attrgetter(*Totals.__struct_fields__)


def totals(pairs: Sequence[Pair]) -> Totals:
    """The sums over these posts: made once a look, since seven shares ask for them."""
    return Totals(*map(sum, zip(*(_columns(row) for _, row in pairs), strict=True)))


def _counts(name: str, rows: Totals) -> tuple[int, int, float]:
    """(k, n, remembered comments that each was held against; 1 where none are) of a share over posts."""
    if name == "low":
        return rows.low, rows.known, 1.0
    if name in ("again", "strangers"):
        return rows.again, rows.count, rows.seen / max(1, rows.count)
    if name == "foreign":
        return rows.foreign, rows.placed, 1.0
    if name == "fresh":
        return rows.fresh, rows.worded, rows.seen / max(1, rows.count)
    if name == "generic":
        plain = rows.count - rows.tagged
        return min(plain, rows.generic), plain, 1.0
    return rows.exact if name == "exact" else rows.near, rows.long, rows.compared / max(1, rows.long)


def share_sign(name: str, now: Totals, past: Totals) -> Sign:
    """A share over the newest posts against the past's. What is found again in what is remembered is brought
    to the same memory first: 1 - (1 - p)^(memory now / memory then)."""
    prior, worth, tau, phi = _SHARES[name]
    k, n, held = _counts(name, now)
    k_past, n_past, held_past = _counts(name, past)
    base = (k_past + prior * worth) / (n_past + worth)
    if not n:
        return Sign(name, base, base, 0.0)
    edge = base + sqrt(phi * base * (1 - base) / (n_past + worth) + tau * tau)
    grown = min(6.0, max(1.0, held / max(held_past, 1.0)))
    base, edge = 1 - (1 - base) ** grown, 1 - (1 - min(0.98, edge)) ** grown
    if name == "strangers":  # the other way round: fewer than usual were here before
        edge = max(0.0, 2 * base - edge)
        chance = tail(int((n - k) / phi), max(1, int(n / phi)), min(0.98, 1 - edge))
        return Sign(name, 1 - base, 1 - k / n, max(0.0, -log10(max(chance, 1e-12))))
    chance = tail(int(k / phi), max(1, int(n / phi)), min(0.98, edge))
    return Sign(name, base, k / n, max(0.0, -log10(max(chance, 1e-12))))


def enough(past: Sequence[Pair]) -> bool:
    """Whether the past says what is usual: some posts with comments, or many that drew likes alone."""
    if len(past) < MIN_POSTS:
        return False
    if sum(row.count for _, row in past) >= MIN_COMMENTS:
        return True
    return len(past) >= QUIET_POSTS and sum(stat.likes[2] for stat, _ in past) >= QUIET_LIKES


def without_waves(past: Sequence[Pair]) -> Sequence[Pair]:
    """The past without an earlier campaign, against which a second one would look usual: posts with far more
    comments than their likes account for, if these together also differ in credibility or words. All of it
    where that would be half or more."""
    if len(past) < WAVE_PAST:
        return past
    exposure = _exposure(_with_likes(past))
    rates = sorted((row.day + 0.5) / exposure(stat) for stat, row in past)
    usual = rates[len(rates) // 2]
    sd = location_scale([log(rate) for rate in rates], RATIO_SD, RATIO_PRIOR, 5.0).sd

    def odd(stat: PostStat, row: Row) -> bool:
        expected = max(0.5, usual * exposure(stat))
        return log((row.day + 0.5) / expected) > WAVE_Z * sqrt(min(sd, 0.6) ** 2 + 1 / expected)

    rest: list[Pair] = []
    wave: list[Pair] = []
    for pair in past:
        (wave if odd(*pair) else rest).append(pair)
    if not wave or len(wave) >= len(rest):
        return past
    then, others = totals(wave), totals(rest)

    def differs(name: str) -> float:
        (k, n, _), (k_rest, n_rest, _) = _counts(name, then), _counts(name, others)
        return k / max(1, n) - k_rest / max(1, n_rest)

    apart = then.count >= MIN_EXCESS and max(map(differs, WAVE_SIGNS)) > WAVE_DIFFERS
    return rest if apart else past


def _with_likes(past: Sequence[Pair]) -> bool:
    """Whether the past has likes enough for comments to be held against them."""
    return sum(stat.likes[2] for stat, _ in past) >= 2 * sum(row.day for _, row in past)


def _exposure(with_likes: bool) -> Callable[[PostStat], float]:
    """What comments on a post go with: its likes, or nothing but that it is a post."""
    return lambda stat: stat.likes[2] + 3.0 if with_likes else 1.0


def volume_sign(now: Sequence[Pair], past: Sequence[Pair]) -> tuple[Sign, float]:
    """(comments within 24 h against what likes of the same time account for, how many that is)."""
    with_likes = _with_likes(past)
    exposure = _exposure(with_likes)
    logs = [log((row.day + 0.5) / exposure(stat)) for stat, row in past]
    scale = location_scale(logs, RATIO_SD, RATIO_PRIOR, 5.0)
    sd = scale.sd if with_likes else max(0.6, scale.sd)
    # Few comments a post make a low median: the mean over all is held against it.
    pooled = sum(row.day for _, row in past) + 0.5
    over = sum(exposure(stat) for stat, _ in past)
    rate = pooled / over if pooled < 3 * len(past) else max(exp(scale.centre), pooled / over)
    expected = rate * sum(exposure(stat) for stat, _ in now)
    came = sum(row.day for _, row in now)
    loose = min(sd, 0.8) ** 2 * (1 / len(now) + 1 / len(past)) + 1 / pooled
    weight = -log10(max(more_than(came, expected, loose), 1e-12))
    return Sign("volume", expected, float(came), max(0.0, weight)), expected


def more_than(came: int, expected: float, loose: float) -> float:
    """P(X >= came), X negative binomial of this mean and variance 1.5 mean + loose * mean^2."""
    if came <= expected:
        return 1.0
    sd = sqrt(log1p(1.5 / expected + loose))
    if came > 300:  # log-normal: the sum would be long
        return 0.5 * erfc((log(came / expected) + sd * sd / 2) / sd / sqrt(2))
    size = expected * expected / (0.5 * expected + loose * expected * expected)
    p = size / (size + expected)
    start = lgamma(size)
    below = sum(
        exp(lgamma(i + size) - start - lgamma(i + 1) + size * log(p) + i * log1p(-p)) for i in range(came)
    )
    return max(0.0, 1.0 - below)


class Found(msgspec.Struct, frozen=True):
    """What the newest `posts` posts show together."""

    posts: int
    score: float
    breached: bool
    signs: tuple[Sign, ...]
    excess: float
    came: int
    giveaway: Considered


def judge(now: Sequence[Pair], past: Sequence[Pair], older: Totals, surged: bool = False) -> Found:
    """The signs over `now` (newest posts) against `past`, whose totals are `older`. `surged`: a surge of the
    last weeks still shapes who is there, so that strangers say nothing."""
    rows = totals(now)
    volume, expected = volume_sign(now, past)
    shares = {name: share_sign(name, rows, older) for name in _SHARES}
    if surged:
        del shares["strangers"], shares["foreign"]
    elif volume.weight < 1.0:  # strangers come with any surge; only beside too many comments do they say more
        del shares["strangers"]
        if shares["low"].weight < BESIDE:  # or, of those from elsewhere, where credibility falls with them
            del shares["foreign"]
    words = max((shares.pop(name) for name in ("repeated", "exact", "fresh")), key=lambda sign: sign.weight)
    came = rows.count
    usual = (older.tagged + 1) / (older.count + 20)
    share = rows.tagged / came if came else 0.0
    why = f"{share:.0%} of {came} comments name somebody ({usual:.0%} before)"
    giveaway = Considered("giveaway", share >= TAGGED and share >= TAGGED_TIMES * usual, why)
    repeated = (words.after - words.before) * _counts(words.name, rows)[1]
    excess = max(volume.after - expected, repeated)
    signs = (volume, words, *shares.values())
    counted = [min(CAPS.get(sign.name, CAP), sign.weight) for sign in signs if sign.weight >= COUNTS]
    score = sum(counted)
    beside = max(sign.weight for sign in signs[1:])
    two = sum(sign.weight >= 1.3 for sign in signs) >= 2
    alone = words.weight >= ALONE and repeated >= MIN_EXCESS and words.after - words.before >= 0.1
    plain = volume.weight >= PLAIN
    together = score >= SUM and beside >= (BESIDE_PLAIN if plain else BESIDE) and (plain or two)
    times = volume.after / max(expected, 0.5)
    much = any(times >= least and volume.weight >= chance for least, chance in VOLUME_ALONE)
    together = together or (len(now) > 1 and much)
    together = together and excess >= MIN_EXCESS
    if giveaway.accepted:  # its comments repeat each other: only who writes can tell
        together = together and shares["low"].weight >= BESIDE and words.weight >= BESIDE
        alone = alone and shares["low"].weight >= BESIDE
    return Found(len(now), score, alone or together, signs, excess, came, giveaway)


def split(inp: SignalInput, ledger: Comments) -> tuple[list[Pair], list[Pair]]:
    """(newest posts, the past they are judged against), oldest first."""
    pairs = [(post, row) for post in inp.posts if (row := ledger.posts.get(post.id_hash)) is not None]
    out = LEFT_OUT if len(pairs) >= ENOUGH + LEFT_OUT else NEWEST
    recent = [pair for pair in pairs[-NEWEST:] if pair[0].at >= inp.at - JUDGED_S]
    return recent, pairs[:-out]


def bought_comments(look: Look) -> Verdict:
    """Comments under the newest posts that are unlike those of the influencer's own past."""
    inp = look.inp
    ledger = inp.ledgers.get(Comments.name)
    if not isinstance(ledger, Comments):
        return verdict(look, SUBJECT, RULE, reason="not_measurable", measurable=False)
    recent, past = split(inp, ledger)
    if not enough(past):
        return verdict(look, SUBJECT, RULE, reason="warming_up", measurable=False)
    past = list(without_waves(past))
    older, surged = totals(past), aftermath(inp).accepted
    found = [judge(recent[-n:], past, older, surged) for n in range(1, len(recent) + 1)]
    if not found:
        return verdict(look, SUBJECT, RULE)
    best = max(found, key=lambda each: (each.breached, each.score))
    said = declared(inp, NAME)
    accounted = best.breached and any(each.accepted for each in said)
    breached = best.breached and not accounted
    signs = sorted((s for s in best.signs if s.weight >= COUNTS), key=lambda s: -s.weight)
    told = verdict(
        look, SUBJECT, RULE, breached=breached,
        reason=SUBJECT if breached else "explained" if accounted else "steady",
        z=best.score, n=best.came, needed=1 if best.posts > 1 and best.score >= SURE else CONFIRM,
        explainers=(best.giveaway, *said),
        effect=-min(0.95, best.excess / max(1.0, best.came)) if breached else 0.0,
        critical=breached and best.excess >= 0.5 * best.came and best.came >= 30,
        actors=round(best.excess) if best.excess > 0 else None,
        parts=tuple((f"comments_{s.name}", s.before, s.after) for s in signs[:3]),
        recovered=best.score < SUM / 2, advice=ADVICE,
    )  # fmt: skip
    summary = f"The audience is affected by unusual comments: {_words(best, signs)}." if breached else None
    return replace(told, summary=summary, evidence_key=inp.lifetime[_COMMENT])


def _words(found: Found, signs: Sequence[Sign]) -> str:
    posts = "the newest post" if found.posts == 1 else f"the newest {found.posts} posts"
    said = [SEEN[sign.name] for sign in signs[:2]]
    return f"under {posts}, " + " and ".join(said) if said else ""
