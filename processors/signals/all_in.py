"""Paid versus all-in: `all_in(inp: SignalInput) -> Score`, 0-100, over 90 days.

    all_in = 100 * organic^.4 * disclosure^.2 * exclusivity^.2 * (1 - over-saturation)^.2

organic         (unsponsored brand mentions + 1) / (all brand mentions + 2) disclosure      (proper + 5) /
(sponsored + 5), over the sponsored posts for this brand exclusivity     (sum of 1 / brands named + 5) /
(posts naming the brand + 5); brands: this one, further partners, a rival over-saturation what the share of
sponsored posts exceeds the upper edge of the usual band by, of what is left above
                it; the share is drawn to the band's middle by ten posts

Bands by tier (nano, micro 5-15 %, mid 10-20 %, macro 15-25 %, mega 20-35 %: Lefty) are priors, never an
alert. Further parts are shown and don't enter: recent_saturation (last 10 posts), paid_post_performance,
rivals, own_voice, after_po. Sources: signals.md; Traackr's "Trust" for rivals; intervals by Wilson's score,
put together by MOVER.
"""

from __future__ import annotations

from math import exp, log, sqrt
from typing import Final

from processors.ledgers.brand import Brand
from processors.ledgers.brand_days import (
    ADS,
    ADS_TOLD,
    ORGANIC,
    PAID,
    PAID_POSTS,
    POSTS,
    RIVALS,
    SHARE_OF_VOICE,
)
from processors.ledgers.brand_texts import REPEATS, alike
from processors.panes import DAY
from processors.scores import Score
from processors.signals.inputs import PostStat, SignalInput
from processors.signals.stats import MEDIAN_SE, Z95, geometric, log_sd, median, wilson
from processors.tiers import tier

NAME: Final = "all_in"
WINDOW: Final = "D90"
DAYS: Final = 90
WEIGHTS: Final = {"organic": 0.4, "disclosure": 0.2, "exclusivity": 0.2, "saturation": 0.2}
#: Usual share of sponsored posts by size (Lefty): lower and upper edge.
BANDS: Final = {
    "nano": (0.05, 0.15), "micro": (0.05, 0.15), "mid": (0.10, 0.20), "macro": (0.15, 0.25), "mega": (0.20,
    0.35),
}  # fmt: skip
#: Posts' worth of the band's middle; of full disclosure and of one brand a post.
PRIOR_POSTS: Final = 10.0
PRIOR: Final = 5.0
MIN_POSTS: Final = 3
#: Sponsored and organic posts that are needed to be compared.
EACH: Final = 3
#: Days after a contract's end that are looked at, and the least that say something.
AFTER_DAYS, AFTER_LEAST = 60, 14


def band(followers: int | None) -> tuple[float, float]:
    """Lower and upper edge of the usual share of sponsored posts; unknown sizes are taken for micro."""
    return BANDS.get(tier(followers), BANDS["micro"])


def _share(k: float, n: float, prior_k: float, prior_n: float, baseline: float | None = None) -> Score:
    value = (k + prior_k) / (n + prior_n)
    return Score(value, n, *wilson(value, n + prior_n), baseline, WINDOW)


def _parts(brand: Brand, inp: SignalInput, first: int, last: int) -> dict[str, Score]:
    """The four parts that enter, over the days first..last."""
    days, own = brand.days(inp.partnership.partnership_id), brand.own()
    organic, paid = days.total(ORGANIC, first, last), days.total(PAID, first, last)
    ads, told = days.total(ADS, first, last), days.total(ADS_TOLD, first, last)
    voice = days.total(SHARE_OF_VOICE, first, last) / 100
    posts, sponsored = own.total(POSTS, first, last), own.total(PAID_POSTS, first, last)
    low, high = band(inp.followers)
    share = _share(sponsored, posts, PRIOR_POSTS * (low + high) / 2, PRIOR_POSTS)
    return {
        "organic": _share(organic, organic + paid, 1, 2),
        "disclosure": _share(told, ads, PRIOR, PRIOR),
        "exclusivity": _share(voice, organic + paid, PRIOR, PRIOR),
        "saturation": share,
    }


def _over(share: float, high: float) -> float:
    """How far a share lies above the band, 0 (within) to 1."""
    return max(0.0, (share - high) / (1 - high))


def _whole(parts: dict[str, Score], high: float) -> tuple[float, float, float]:
    """(value, lo, hi) of the signal, 0-100, from its parts."""
    used = []
    for name, weight in WEIGHTS.items():
        part = parts[name]
        value, lo, hi = part.value or 0.0, part.lo or 0.0, 1.0 if part.hi is None else part.hi
        if name == "saturation":
            value, lo, hi = 1 - _over(value, high), 1 - _over(hi, high), 1 - _over(lo, high)
        used.append((weight, value, min(lo, value), max(hi, value)))
    value, lo, hi = geometric(used, 0.01)
    return 100 * value, 100 * lo, 100 * hi


def all_in(inp: SignalInput) -> Score:
    """The signal with its parts; the module's docstring has the formula."""
    kept = inp.ledgers.get(Brand.name)
    brand = kept if isinstance(kept, Brand) else Brand()  # one without content is not stored
    today = inp.at // DAY
    first = today - DAYS + 1
    posts = brand.own().total(POSTS, first, today)
    parts = _parts(brand, inp, first, today)
    mentions, ads = parts["organic"].n, parts["disclosure"].n
    high = band(inp.followers)[1]
    baseline = _baseline(brand, inp, high)
    if posts < MIN_POSTS or not mentions + ads:
        why = (
            f"{posts} own posts in 90 days; {MIN_POSTS} would be needed" if posts < MIN_POSTS
            else "the brand was not named in 90 days"
        )  # fmt: skip
        return Score.unmeasurable(why, window=WINDOW, n=mentions, baseline=baseline, parts=parts)
    parts["recent_saturation"] = _recent(brand, inp)
    parts["paid_post_performance"] = _performance(brand, inp)
    rivals = brand.days(inp.partnership.partnership_id).total(RIVALS, first, today)
    parts["rivals"] = _share(rivals, posts, 0.5, 1) if inp.partnership.rival_terms else (
        Score.unmeasurable("no rivals are named in the partnership", window=WINDOW)
    )  # fmt: skip
    parts["own_voice"] = _own_voice(brand, inp)
    parts["after_po"] = after_po(brand, inp)
    value, lo, hi = _whole(parts, high)
    return Score(value, mentions + ads, lo, hi, baseline, WINDOW, True, None, parts)


def _baseline(brand: Brand, inp: SignalInput, high: float) -> float | None:
    """The same over the frozen reference's stretch; what it says without a single post once the days are
    gone."""
    ref = inp.reference
    if ref is None:
        return None
    return _whole(_parts(brand, inp, ref.starts // DAY, ref.ends // DAY - 1), high)[0]


def _recent(brand: Brand, inp: SignalInput) -> Score:
    last = [item for item in brand.recent(inp.at) if item.post and item.at > inp.at - DAYS * DAY][-10:]
    if len(last) < MIN_POSTS:
        return Score.unmeasurable(f"{len(last)} posts; {MIN_POSTS} would be needed", window="10 posts")
    share = sum(item.sponsored for item in last) / len(last)
    return Score(share, len(last), *wilson(share, len(last)), None, "10 posts")


def _performance(brand: Brand, inp: SignalInput) -> Score:
    """Median weight at 24 h of sponsored posts over that of organic ones, of the format that both were made
    in most; the followers are the same within 30 posts, near enough. Only against the own history: 1 is no
    difference."""
    form = {item.made: item.form for item in brand.recent(inp.at)}
    paid_now = {item.made: item.sponsored for item in brand.recent(inp.at)}
    groups: dict[int, tuple[list[float], list[float]]] = {}
    for post in inp.posts:
        if not inp.at - DAYS * DAY < post.at <= inp.at - DAY:
            continue
        kind = form.get(post.id_hash, 0)
        sponsored = paid_now.get(post.id_hash, post.sponsored)
        for key in {kind, -1}:
            groups.setdefault(key, ([], []))[sponsored].append(_weight(post))
    fit = [(min(len(o), len(p)), key) for key, (o, p) in groups.items() if len(o) >= EACH and len(p) >= EACH]
    if not fit:
        organic, paid = groups.get(-1, ([], []))
        why = f"{len(paid)} sponsored and {len(organic)} other posts of a day or older; {EACH} of each needed"
        return Score.unmeasurable(why, window=WINDOW)
    formats = [each for each in fit if each[1] != -1]
    organic, paid = groups[max(formats or fit)[1]]
    ratio = log(median(sorted(paid)) / median(sorted(organic)))
    spread = [max(log_sd(values) or 0.0, 0.25) for values in (paid, organic)]
    half = Z95 * MEDIAN_SE * sqrt(spread[0] ** 2 / len(paid) + spread[1] ** 2 / len(organic))
    return Score(exp(ratio), len(paid), exp(ratio - half), exp(ratio + half), 1.0, WINDOW)


def _weight(post: PostStat) -> float:
    return max(1.0, post.weight[2] / 100)


def _own_voice(brand: Brand, inp: SignalInput) -> Score:
    """Share of the sponsored texts that repeat neither the brand's, nor an earlier one, nor another
    partner's."""
    pid = inp.partnership.partnership_id
    mine = brand.sketches(pid)
    since = inp.at - DAYS * DAY
    texts = [each for each in mine.ads if since < each[1] <= inp.at]
    if len(texts) < 2:
        return Score.unmeasurable(
            f"{len(texts)} sponsored texts of eight words; 2 would be needed", window=WINDOW
        )
    others = [sketch for _, at, sketch in mine.own if at <= inp.at]
    others += [
        sketch for kept in brand.texts.values() if kept is not mine for key, at, sketch in kept.ads
        if since < at <= inp.at and all(key != each[0] for each in texts)
    ]  # fmt: skip
    own = 0
    for index, (_, _, made) in enumerate(texts):
        earlier = [sketch for _, _, sketch in texts[:index]]
        own += all(alike(made, other) < REPEATS for other in (*others, *earlier))
    share = own / len(texts)
    return Score(share, len(texts), *wilson(share, len(texts)), None, WINDOW)


def after_po(brand: Brand, inp: SignalInput) -> Score:
    """Mentions a day in the 60 days after the last contract's end over those inside it (at most 90 days of
    it)."""
    ended = last_end(inp)
    if ended is None:
        return Score.unmeasurable("no contract has ended, or one runs", window=WINDOW)
    start, end = ended
    first_seen = inp.first_event_at // DAY + 1
    begin = max(start, end - DAYS, first_seen)
    days = brand.days(inp.partnership.partnership_id)
    inside_days, after_days = end - begin + 1, min(inp.at // DAY - end, AFTER_DAYS)
    inside = days.total(ORGANIC, begin, end) + days.total(PAID, begin, end)
    after = days.total(ORGANIC, end + 1, end + after_days) + days.total(PAID, end + 1, end + after_days)
    if after_days < AFTER_LEAST or inside_days < AFTER_LEAST or inside < EACH:
        why = (
            f"{max(0, after_days)} days since the contract, {inside} mentions inside; "
            f"{AFTER_LEAST} and {EACH} needed"
        )
        return Score.unmeasurable(why, window=WINDOW, n=inside)
    ratio = ((after + 0.5) / after_days) / ((inside + 0.5) / inside_days)
    half = Z95 * sqrt(1 / (after + 0.5) + 1 / (inside + 0.5))
    return Score(ratio, inside + after, ratio * exp(-half), ratio * exp(half), 1.0, WINDOW)


def last_end(inp: SignalInput) -> tuple[int, int] | None:
    """(first, last day, days since 1970) of the contract that ended last; None while one runs, or none
    did."""
    today = inp.at // DAY
    found: tuple[int, int] | None = None
    epoch = _EPOCH
    for contract in inp.partnership.contracts:
        start, end = contract.starts_on.toordinal() - epoch, contract.ends_on.toordinal() - epoch
        if start <= today <= end:
            return None
        if end < today and (found is None or end > found[1]):
            found = start, end
    return found


_EPOCH: Final = 719_163  # datetime.date(1970, 1, 1).toordinal()
