"""Plain words for what detectors name: parts, causes, explanations. A test walks all detectors against these.

The words say what is seen and what a partnership is affected by; they never say who did it.
"""

from __future__ import annotations

from typing import Final, NamedTuple

#: How a signal is called at the beginning of a sentence.
LABEL: Final = {
    "connection": "Connection with the audience",
    "interaction_quality": "Interaction quality",
    "audience_fit": "Audience fit",
    "authenticity": "Authenticity",
    "all_in": "Being all-in",
    "relationship": "The relationship with the brand",
    "health": "Partnership health",
    "source": "The source",
}


class Cause(NamedTuple):
    """A cause (an alert's subject) in words. `seen` and `over` are sentences without their full stop."""

    title: str
    seen: str
    over: str
    helps: str


_CLEAN_OUT: Final = (
    "Look at the newest commenters and likers together with the influencer; "
    "leave such accounts out of what is paid for until the share is back to usual."
)
_FOLLOWERS: Final = (
    "Ask the influencer what happened then: a mention elsewhere and a giveaway look similar at first. "
    "Go by engagement, not by follower count, until it has settled."
)
_TOGETHER: Final = (
    "Look at the accounts in the evidence together with the influencer: a circle of friends or fans may act "
    "like this. Leave their acts out of what is paid for until it is clear."
)

#: By subject; an event's subject is looked up by what stands before its colon.
CAUSES: Final = {
    "bought_followers": Cause(
        "unusual new followers",
        "The audience is affected by unusually many new followers at once",
        "New followers come as usual again", _FOLLOWERS),
    "bought_followers_drip": Cause(
        "a steady inflow of unusual followers",
        "The audience is affected by an unusual inflow of followers over weeks",
        "New followers come as usual again", _FOLLOWERS),
    "follower_churn": Cause(
        "followers who leave soon",
        "The audience is affected by followers who leave again soon after they came",
        "New followers stay as usual again", _FOLLOWERS),
    "bought_likes": Cause(
        "unusual likes",
        "Posts are affected by likes that do not fit their comments",
        "Likes fit the comments again", _CLEAN_OUT),
    "bought_likes_drip": Cause(
        "likes that trickle in evenly",
        "Posts are affected by likes that trickle in evenly",
        "Likes come in as usual again", _CLEAN_OUT),
    "suspicious": Cause(
        "accounts of low credibility",
        "The audience is affected by more accounts of low credibility than usual",
        "The share of accounts of low credibility is back to usual", _CLEAN_OUT),
    "bought_comments": Cause(
        "unusual comments",
        "The audience is affected by comments unlike those of before",
        "Comments read as usual again", _CLEAN_OUT),
    "pod": Cause(
        "accounts that act together",
        "Authenticity is affected by a group of accounts that act together",
        "The group of accounts no longer acts together", _TOGETHER),
    "lockstep": Cause(
        "accounts that act at the same time",
        "Authenticity is affected by accounts that act at the same time",
        "The accounts no longer act at the same time", _TOGETHER),
    "lockstep_across": Cause(
        "accounts that act together on several influencers",
        "Authenticity is affected by accounts that act together on several influencers",
        "The accounts no longer act together", _TOGETHER),
    "reply_leak": Cause(
        "answers that become fewer",
        "Comments are answered less and less",
        "Comments are answered as usual again",
        "Ask how the week went and agree on an hour a week for answering comments; "
        "the questions that wait longest are a good start."),
    "slow_decay": Cause(
        "interaction that leaks away",
        "Posts draw less and less interaction",
        "Posts draw as much interaction as usual again",
        "Compare the last posts with those of the reference: topic, format, hour, share of sponsored ones."),
    "sponsored_fatigue": Cause(
        "tiredness of sponsored posts",
        "More posts are sponsored than usual, and they draw less",
        "Sponsored posts are as many, or draw as much, as usual again",
        "Agree on fewer sponsored posts with more freedom in them, and some that ask something."),
    "audience_drift": Cause(
        "an audience that moves away from the one aimed at",
        "The engaged audience moves away from the one aimed at",
        "The engaged audience is the one aimed at again",
        "Compare the newest posts' language and topics with the audience aimed at, "
        "and check whether one post or mention brought the new people."),
    "mentions_silence": Cause(
        "a brand that is not named any more",
        "The brand has not been named for long, though its contract runs",
        "The brand is named again",
        "Ask how things are going before asking for posts: silence inside a contract often has a reason that "
        "can be talked about."),
    "mentions_stop": Cause(
        "mentions that ended with the contract",
        "The brand has not been named since the contract ended",
        "The brand is named again",
        "Stay in touch, send news and samples without conditions, and talk about what a longer partnership "
        "could look like."),
    "saturation": Cause(
        "much advertising",
        "Advertising makes up far more of the posts than usual",
        "Advertising makes up its usual share of the posts again",
        "Agree on fewer paid posts over a longer time; the audience stays with those who mean it."),
    "undisclosed": Cause(
        "a post without a clear label",
        "A post within a paid partnership lacks a clear label",
        "The post is labelled now",
        "Ask for the post to be edited soon; it may well be an oversight."),
    "tie": Cause(
        "a tie that is breaking",
        "A tie that carried much of the relationship is breaking",
        "The two are in touch again",
        "Ask the person who kept in touch what changed, and let a second person of the brand take part."),
    "silent_source": Cause(
        "a silent source",
        "Nothing has come from the source for longer than usual",
        "The source delivers again",
        "Check the connector's log and its access token; what is missing is fetched again once it runs."),
}  # fmt: skip

#: By signal, for its own drop.
DROPS: Final = {
    "connection": CAUSES["reply_leak"].helps,
    "interaction_quality": CAUSES["slow_decay"].helps,
    "audience_fit": CAUSES["audience_drift"].helps,
    "authenticity": _CLEAN_OUT,
    "all_in": CAUSES["mentions_silence"].helps,
    "relationship": CAUSES["tie"].helps,
    "health": "Several parts slipped together: talk with the influencer before looking at single numbers.",
    "source": CAUSES["silent_source"].helps,
}


class Part(NamedTuple):
    """A part in words, and its unit: share (0 to 1), score (0 to 100), count, times, days."""

    title: str
    unit: str


PARTS: Final = {
    "reply_rate": Part("share of comments that are answered", "share"),
    "answer_gap": Part("answers that were to be expected since the last one", "count"),
    "genuineness": Part("share of credible accounts among those who engage", "share"),
    "depth": Part("comments, shares and saves for every like", "number"),
    "quality_rate": Part("interaction that a post draws", "number"),
    "country": Part("share from the countries aimed at", "share"),
    "lang": Part("share who speak the languages aimed at", "share"),
    "topics": Part("share interested in the topics aimed at", "share"),
    "age_band": Part("share in the age bands aimed at", "share"),
    "segment": Part("share in the segments aimed at", "share"),
    "interaction_quality": Part("interaction quality", "score"),
    "audience_fit": Part("audience fit", "score"),
    "connection": Part("connection with the audience", "score"),
    "authenticity": Part("authenticity", "score"),
    "all_in": Part("being all-in", "score"),
    "relationship": Part("relationship with the brand", "score"),
    "overdue": Part("days between two contacts", "count"),
    "disclosure": Part("clear labels on the post", "count"),
    "mentions": Part("share of posts that name the brand", "share"),
    "saturation": Part("share of posts that are advertising", "share"),
    "sponsored_share": Part("share of posts that are sponsored", "share"),
    "likes_per_comment": Part("likes for every comment, against the usual", "times"),
    "suspicious": Part("share of accounts of low credibility", "share"),
    "suspicious_likes": Part("share of likes by accounts of low credibility", "share"),
    "suspicious_comments": Part("share of comments by accounts of low credibility", "share"),
    "foreign": Part("share from countries that hardly anyone was from before", "share"),
    "late_likes": Part("share of likes that come a day or more after the post", "share"),
    "new_followers": Part("share of new followers with a profile of low credibility", "share"),
    "mass_followers": Part("share of new followers who follow more than 1,500 others", "share"),
    "follows": Part("new followers in the time", "count"),
    "followers": Part("new followers a day", "count"),
    "comments_repeated": Part("share of comments that nearly repeat others", "share"),
    "comments_exact": Part("share of comments that repeat others", "share"),
    "comments_fresh": Part("share of comments in words that nobody used before", "share"),
    "comments_low": Part("share of commenters with a profile of low credibility", "share"),
    "comments_again": Part("share of commenters who come back under post after post", "share"),
    "comments_strangers": Part("share of commenters who were here before", "share"),
    "comments_foreign": Part("share of commenters from countries that hardly anyone commented from", "share"),
    "comments_generic": Part("share of comments that would fit under any post", "share"),
    "comments_volume": Part("comments on the newest posts", "count"),
}

#: Explanations that are weighed.
EXPLANATIONS: Final = {
    "advertising": "declared advertising",
    "away": "an absence",
    "chance": "chance",
    "giveaway": "a giveaway",
    "holiday": "a holiday",
    "loyal_fans": "loyal fans",
    "one_campaign": "a single campaign",
    "organic_likes": "likes of the usual people",
    "organic_mention": "a mention without payment",
    "own_hit_post": "a post of their own that went far",
    "platform_label": "the platform's label",
    "posting_pause": "a posting pause",
    "purge": "a purge by the platform",
    "shout_out": "a mention elsewhere",
    "strangers": "many strangers at once",
    "surge": "a surge of attention",
    "traits": "what the accounts are like",
    "trend": "a slow trend",
}


def spoken(name: str) -> str:
    """A name that no table has, as words at least."""
    return name.replace("_", " ").strip() or "something"


def cause_of(subject: str | None, rule: str, signal: str) -> Cause | None:
    """The cause's words; None for a signal's own drop."""
    found = CAUSES.get((subject or "").partition(":")[0])
    if found is None and rule == "event":
        return CAUSES["tie" if signal == "relationship" else "undisclosed"]
    if found is None and signal == "source":
        return CAUSES["silent_source"]
    return found


def part_words(name: str) -> Part:
    """Title and unit of a part."""
    return PARTS.get(name) or Part(spoken(name), "number")


def amount(value: float | None, unit: str) -> str:
    """A number with its unit, as people say it: 41 %, 3.2 times, 58."""
    if value is None:
        return "not measured"
    if unit == "share":
        percent = 100 * value
        return f"{percent:.1f} %" if 0 < abs(percent) < 1 else f"{percent:.0f} %"
    if unit == "times":
        return f"{value:.1f} times"
    if unit in ("score", "count") or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"
