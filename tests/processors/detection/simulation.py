"""A partnership's life hour by hour, without the engine: what the drop rule says on clean and on troubled
streams.

`python -m tests.processors.detection.simulation [RUNS] [DAYS]` prints false alerts per influencer-month on
clean streams and on hard negatives, and recall with median delay for incidents. Sizes, latencies, noise: from
the design's evaluation page (numbers measured on real accounts).
"""

from __future__ import annotations

import math
import random
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from processors.detection.drop import RULES, judge
from processors.detection.lifecycle import FIRING, AlertState, Transition, advance, inhibited, muted
from processors.panes import (
    ANSWERABLE,
    ANSWERED,
    COUNT,
    DAY,
    HOUR,
    KIND_INDEX,
    KNOWN,
    LATENCY_EDGES,
    LOW,
    N_KINDS,
    OWN_POSTS,
    OWN_REPLIES,
    Pane,
    latency_bin,
    new_pane,
    sum_panes,
)
from processors.reference import due, freeze
from processors.signals import evaluate
from processors.signals.inputs import ActorSample, Exposure, Gap, PostStat, Reference, SignalInput
from processors.signals.survival import exposure_of
from tests.processors.builders import NOW, partnership

START = NOW - 28 * DAY
KIND = {name: COUNT + KIND_INDEX[name] for name in ("like", "comment", "share", "save")}


@dataclass(frozen=True)
class Person:
    """One influencer's habits. Multipliers by day are handed in by incidents."""

    followers: int
    rate: float  # likes per follower and post
    comments: float  # per like
    reply: float  # share of comments answered
    sitting: bool  # answers once a day, most days, rather than at once
    every_h: float  # hours between posts
    low: float  # share of low credibility
    target: float  # share of engaged actors in the target
    noise: float  # log sd of a post
    known: float  # share of known profiles


def person(rng: random.Random) -> Person:
    followers = int(10 ** rng.uniform(3.3, 6.2))
    return Person(
        followers,
        min(0.15, math.exp(rng.gauss(math.log(0.018), 0.8))),
        max(0.0015, 0.05 * (followers / 2_000) ** -0.5 * math.exp(rng.gauss(0, 0.4))),
        rng.choice((0.01, 0.03, 0.06, 0.2, 0.4, 0.6)),
        rng.random() < 0.4,
        rng.choice((12.0, 24.0, 48.0, 48.0, 96.0, 192.0)),
        rng.betavariate(3, 14),
        rng.uniform(0.4, 0.9),
        rng.choice((0.12, 0.23, 0.23, 0.38)),
        rng.uniform(0.4, 0.9),
    )


@dataclass(frozen=True)
class Day:
    """What an incident or a negative changes on one day; 1 and 0: nothing."""

    volume: float = 1.0
    talk: float = 1.0  # comments beyond volume
    reply: float = 1.0
    bots: float = 0.0  # acts of low credibility added, as a share of the usual
    target: float = 1.0
    posts: float = 1.0


def poisson(rng: random.Random, mean: float) -> int:
    if mean <= 0:
        return 0
    if mean > 30:
        return max(0, round(rng.gauss(mean, math.sqrt(mean))))
    limit, product, k = math.exp(-mean), rng.random(), 0
    while product > limit:
        product *= rng.random()
        k += 1
    return k


def split(rng: random.Random, n: int, p: float) -> int:
    """Binomial by normal approximation for large n."""
    if n > 50:
        return min(n, max(0, round(rng.gauss(n * p, math.sqrt(max(0.0, n * p * (1 - p)))))))
    return sum(rng.random() < p for _ in range(n))


class Life:
    """Hour panes of one influencer over `days`, made whole at once; `inputs` reads them hour by hour."""

    def __init__(self, rng: random.Random, who: Person, days: int, change: Callable[[int], Day]) -> None:
        self.rng, self.who, self.change = rng, who, change
        self.hours = days * 24
        self.panes: list[Pane] = [new_pane() for _ in range(self.hours)]
        self.answers = [0] * self.hours
        self.posts: list[PostStat] = []
        self.actors: list[tuple[int, int]] = []  # per day: known actors, of these in the target
        self._level = [0.0]
        self._reply = [0.0]
        self._fit = [0.0]
        for _ in range(days):  # levels wander by .14 and more within two months
            self._level.append(self._level[-1] + rng.gauss(0, 0.018))
            self._reply.append(self._reply[-1] * 0.98 + rng.gauss(0, 0.035))
            self._fit.append(self._fit[-1] * 0.97 + rng.gauss(0, 0.01))
        self._make_posts()
        for hour in range(self.hours):
            self._credibility(hour)
            self._reply_to(hour)
        for day in range(days):
            self._people(day)

    def _make_posts(self) -> None:
        at = self.rng.uniform(0, self.who.every_h)
        while at < self.hours:
            hour, day = int(at), int(at) // 24
            if self.rng.random() < self.change(day).posts:
                self._post(hour, day)
            at += self.who.every_h * self.rng.uniform(0.6, 1.4)

    def _post(self, hour: int, day: int) -> None:
        who, rng = self.who, self.rng
        post = PostStat(len(self.posts) + 1, START + hour * HOUR)
        self.posts.append(post)
        self.panes[hour][OWN_POSTS] += 1
        likes = who.followers * who.rate * math.exp(self._level[day] + rng.gauss(0, who.noise))
        talk = who.comments * math.exp(rng.gauss(0, 0.3))
        before = 0.0
        for age in range(72):
            if hour + age >= self.hours:
                break
            # Reaction delays: log-normal, median 92 min.
            share = 0.5 * (1 + math.erf(math.log((age + 1) / 1.53) / (1.7 * math.sqrt(2))))
            today = self.change((hour + age) // 24)
            local = 0.6 + 0.8 * (8 <= (hour + age) % 24 <= 22)
            mean = likes * (share - before) * today.volume * local
            before = share
            pane = self.panes[hour + age]
            weight = 0
            for kind, part, w in (
                ("like", 1.0, 100),
                ("comment", talk * today.talk, 675),
                ("share", 0.02, 200),
                ("save", 0.03, 300),
            ):
                n = poisson(rng, mean * part)
                pane[KIND[kind]] += n
                weight += n * w
            for i, edge in enumerate((1, 6, 24, 72)):
                if age < edge:
                    post.weight[i] += weight

    def _credibility(self, hour: int) -> None:
        pane, bots = self.panes[hour], self.change(hour // 24).bots
        low = min(0.9, self.who.low * math.exp(self.rng.gauss(0, 0.15)))
        for name in KIND:
            k = KIND_INDEX[name]
            n = pane[COUNT + k]
            extra = poisson(self.rng, n * bots)
            known = split(self.rng, n, self.who.known)
            pane[COUNT + k] += extra
            pane[KNOWN + k] = known + extra
            pane[LOW + k] = split(self.rng, known, low) + extra

    def _reply_to(self, hour: int) -> None:
        who, rng, day = self.who, self.rng, hour // 24
        pane = self.panes[hour]
        comments = pane[KIND["comment"]]
        pane[ANSWERABLE] = comments
        # A person answers a number, not a share: in a surge the share sinks.
        mood = math.exp(self._reply[day] + 0.3 * random.Random(f"{who.followers}{day}").gauss(0, 1))
        today = self.change(day)
        for _ in range(
            split(
                rng, comments, min(0.95, who.reply * mood * today.reply / max(1.0, today.volume * today.talk))
            )
        ):
            if who.sitting:
                wait = (20 - hour % 24) % 24 + rng.random()
                while rng.random() < 0.15:
                    wait += 24
            else:
                wait = math.exp(rng.gauss(math.log(0.5), 1.9))
            then = hour + int(wait)
            bin_ = latency_bin(wait * HOUR)
            if bin_ is None or then >= self.hours or (today.reply > 0 and self.change(then // 24).reply == 0):
                continue
            pane[ANSWERED + bin_] += 1
            self.answers[then] += 1
            self.panes[then][OWN_REPLIES] += 1

    def _people(self, day: int) -> None:
        acts = sum(sum(p[COUNT : COUNT + N_KINDS]) for p in self.panes[day * 24 : day * 24 + 24])
        today = self.change(day)
        known = min(1500, round(acts * self.who.known * 0.6))
        share = min(0.98, max(0.02, (self.who.target + self._fit[day]) * today.target))
        self.actors.append((known, split(self.rng, known, share)))

    def inputs(self, every_h: int) -> Iterator[SignalInput]:
        """Inputs every `every_h` hours; the reference is put in by the caller."""
        days = [sum_panes(self.panes[d * 24 : d * 24 + 24]) for d in range(self.hours // 24)]
        who = self.who
        lifetime = [0] * N_KINDS
        for hour in range(every_h, self.hours, every_h):
            at = START + hour * HOUR
            for pane in self.panes[hour - every_h : hour]:
                lifetime = [a + b for a, b in zip(lifetime, pane[COUNT : COUNT + N_KINDS], strict=True)]
            week = [(START + (h + 1) * HOUR, self.panes[h]) for h in range(max(0, hour - 168), hour)]
            day = hour // 24
            actors = self.actors[max(0, day - 28) : day]
            known = sum(k for k, _ in actors)
            inside = sum(i for _, i in actors)
            cut = min(1.0, 1024 / known) if known else 1.0
            posts = [p for p in self.posts if p.at < at][-30:]
            yield SignalInput(
                at=at,
                partnership=partnership(target_audience={"country": {"GB": 1.0}}),
                followers=who.followers,
                first_event_at=START,
                h1=self.panes[hour - 1],
                d1=sum_panes(p for _, p in week[-24:]),
                d7=sum_panes(p for _, p in week),
                d28=sum_panes(days[max(0, day - 28) : day]),
                posts=posts,
                exposure_d7=exposure_of(week, at),
                exposure_d28=Exposure(),
                gap=self._gap(hour),
                actors_d28=ActorSample(
                    round(known * cut),
                    cut,
                    {"GB": inside * cut * 0.9, "US": (known - inside) * cut * 0.9},
                    {},
                    round(known * cut),
                    0,
                ),
                reference=None,
                last_post_at=posts[-1].at if posts else None,
                day_totals=[(START + d * DAY, days[d]) for d in range(max(0, day - 35), day)]
                if hour % 24 == 0
                else (),
                lifetime=tuple(lifetime),
            )

    def _gap(self, hour: int) -> Gap:
        last = next((h for h in range(hour - 1, -1, -1) if self.answers[h]), None)
        if last is None:
            return Gap()
        ages = [0] * len(LATENCY_EDGES)
        for h in range(last + 1, hour):
            bin_ = latency_bin((hour - h) * HOUR)
            ages[len(ages) - 1 if bin_ is None else bin_] += self.panes[h][ANSWERABLE]
        since = START + (last + 1) * HOUR
        return Gap(since, tuple(ages), sum(p.at > since and p.at < START + hour * HOUR for p in self.posts))


def watch(life: Life, every_h: int = 6) -> list[Transition]:
    """All transitions to firing over a life."""
    states = {rule: AlertState.new("p", *rule) for rule in RULES}
    reference: Reference | None = None
    fired = []
    for inp in life.inputs(every_h):
        inp = replace(inp, reference=reference)
        if inp.day_totals and reference is None and due(inp):
            reference = freeze(inp)
            inp = replace(inp, reference=reference)
        if reference is None:
            continue
        health, signals = evaluate(inp)
        for signal, rule in RULES:
            verdict = judge(signal, health if signal == "health" else signals[signal], inp)
            if inhibited(signal, states.values()):
                verdict = muted(verdict)
            states[signal, rule], transitions = advance(states[signal, rule], verdict, inp.at)
            fired += [t for t in transitions if t.state == FIRING and t.previous_state == "pending"]
    return fired


ONSET = 45
CLEAN: Callable[[int], Day] = lambda day: Day()  # noqa: E731


def between(first: int, last: int, what: Day) -> Callable[[int], Day]:
    return lambda day: what if first <= day < last else Day()


NEGATIVES: dict[str, Callable[[int], Day]] = {
    "viral post": between(ONSET, ONSET + 2, Day(volume=20, target=0.6)),
    "giveaway": between(ONSET, ONSET + 2, Day(talk=8)),
    "news x3": between(ONSET, ONSET + 3, Day(volume=3)),
    "holiday 10 d": between(ONSET, ONSET + 10, Day(posts=0, reply=0)),
}
INCIDENTS: dict[str, tuple[str, Callable[[int], Day]]] = {
    "stops answering": ("connection", between(ONSET, 999, Day(reply=0))),
    "answers a fifth": ("connection", between(ONSET, 999, Day(reply=0.2))),
    "bots, as many as people": ("interaction_quality", between(ONSET, 999, Day(bots=1.0))),
    "volume falls by 70 %": ("interaction_quality", between(ONSET, 999, Day(volume=0.3))),
    "decay of 2 % a day": ("interaction_quality", lambda day: Day(volume=0.98 ** max(0, day - ONSET))),
    "audience drifts to .4 in 4 weeks": (
        "audience_fit",
        lambda day: Day(target=1 - 0.6 * min(1, max(0, (day - ONSET) / 28))),
    ),
}


def lives(
    runs: int, days: int, change: Callable[[int], Day], seed: int
) -> Iterator[tuple[Person, list[Transition]]]:
    for run in range(runs):
        rng = random.Random(seed * 100_003 + run)
        who = person(rng)
        yield who, watch(Life(rng, who, days, change))


def main(runs: int, days: int) -> None:
    months = runs * (days - 28) / 30
    for name, change in {"clean": CLEAN, **NEGATIVES}.items():
        fired = [(who, t) for who, all_ in lives(runs, days, change, 1) for t in all_]
        count = {s: sum(t.signal == s for _, t in fired) for s, _ in RULES}
        print(f"{name:34s} {len(fired) / months:.3f} false alerts a month  {count}")
        for who, t in fired[:8]:
            print("    ", t.signal, (t.at - START) / DAY, t.reason, round(t.worst, 2), who)
    for name, (signal, change) in INCIDENTS.items():
        results = list(lives(runs, days, change, 2))
        delays = sorted(
            min(t.at for t in all_ if t.signal == signal and t.at >= START + ONSET * DAY) / DAY
            - START / DAY
            - ONSET
            for _, all_ in results
            if any(t.signal == signal and t.at >= START + ONSET * DAY for t in all_)
        )
        middle = f"{delays[len(delays) // 2]:.1f} d" if delays else "-"
        others = sum(t.signal != signal for _, all_ in results for t in all_)
        print(f"{name:34s} found {len(delays)}/{runs}, median delay {middle}, other signals {others}")


if __name__ == "__main__":
    main(*(int(a) for a in sys.argv[1:3])) if len(sys.argv) > 2 else main(30, 100)
