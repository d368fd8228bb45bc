"""Folding one event into the state of its influencer, and saying what was found out about it.

This is the hot path: a few microseconds an event. Everything that is written here is written as whole values
by `Influencer.writes`, so folding never talks to anything.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from processors.actors import ActorHasher
from processors.book import Book
from processors.counting import count_single, count_total
from processors.credibility import LOW, credibility
from processors.decode import Actor, Event, Target
from processors.event_memory import FLAGGED as ACT_FLAGGED
from processors.event_memory import KNOWN as ACT_KNOWN
from processors.event_memory import LOW as ACT_LOW
from processors.event_memory import OWN as ACT_OWN
from processors.event_memory import Act as Remembered
from processors.event_memory import EventMemory, id_hash
from processors.factors import LOW_CREDIBILITY, flagged
from processors.forgetting import nameless, was_forgotten
from processors.found import Found
from processors.influencer import KEEP_COMMENTS_S, KEEP_MINUTES, Influencer
from processors.kinds import ANSWER_RAISE, COMMENTED, OF, ON_POST, WEIGHTS, Of
from processors.ledgers import Act, Ledger, takers
from processors.ledgers.counters import KIND_OF
from processors.panes import (
    ANSWERABLE,
    ANSWERED,
    COUNT,
    DIALOGUES,
    FLAGGED,
    INAUTHENTIC,
    KINDS,
    KNOWN,
    MINUTES_5,
    OWN_POSTS,
    OWN_REPLIES,
    OWN_SPONSORED,
    UNDOS,
    WEIGHT,
    Pane,
    latency_bin,
)
from processors.panes import LATE as LATE_COLUMN
from processors.panes import LOW as LOW_COLUMN
from processors.signals.inputs import PostStat
from processors.text import words

#: An event at most so much older than the newest has panes of all widths.
_SURELY_KEPT_S: Final = (KEEP_MINUTES - 1) * MINUTES_5
#: Ledgers by name, in the order in which they see an act.
_Takers = tuple[tuple[str, type[Ledger]], ...]
_NOBODY: Final[dict[str, _Takers]] = {}
_METRIC_WEIGHT: Final = {metric: WEIGHTS[kind] for metric, kind in KIND_OF.items()}


class Folder:
    """Folds events into influencers. Holds what is common to all of them in one partition."""

    __slots__ = ("_audience_takers", "_book", "_hash", "_hash_of", "_memory", "_takers", "seed")

    def __init__(self, book: Book, memory: EventMemory, hasher: ActorHasher) -> None:
        self._book, self._memory, self._hash = book, memory, hasher.hash
        self.seed = seed = hasher.seed
        #: Of posts that are engaged with: the same ones again and again.
        self._hash_of = lru_cache(maxsize=4_096)(lambda target_id: id_hash(target_id, seed))
        self._takers: dict[str, dict[str, _Takers]] = {
            role: {kind: tuple((ledger.name, ledger) for ledger in those) for kind, those in of_role.items()}
            for role, of_role in takers().items()
        }
        self._audience_takers = self._takers["audience"]

    def fold(self, inf: Influencer, event: Event, hash_: int, hour: int, late_by: float) -> Found:
        """Fold an event that is neither duplicate nor expired. `hour`: of arrival; `late_by` in seconds."""
        kind = event.kind
        of = OF[kind]
        inf.meta.lifetime[of.lifetime] += 1
        actor, column = event.actor, of.column
        if actor is None or column is None:
            return self._facts(inf, event, late_by)
        role = self._role(inf, actor.id)
        who = self._hash(actor.id)
        if (forgotten := self._book.acts.forgotten) and was_forgotten(forgotten, who, event.occurred_s):
            role, event, actor, who = nameless(role, event, actor, who, hash_)
        if role == "audience" and event.op == "create":
            return self._engaged(inf, event, actor, who, of, column, hash_, hour, late_by)
        act = self._act(inf, event, role, who)
        if event.op == "undo":
            self._undo(inf, event, act, hour)
            return Found(role, None, 0, False, late_by)
        if kind == "post" and role == "influencer" and self._made(event) in inf.posts:
            act.op = "update"  # polled for longer than its id is remembered: it tells what it says now
        if of.says and event.text is not None:
            act.words = words(event.text, event.lang)
        if act.op == "update":
            if role == "influencer" and kind == "post":
                self._edit(inf, event, act)
            self._tell(inf, act)
            return Found(role, None, 0, False, late_by)
        panes = act.panes = self._panes(inf, act.at)
        if act.at < inf.meta.evaluated:
            inf.meta.corrected = True
        if late_by > 0:
            for pane in panes:
                pane[LATE_COLUMN] += 1
        if role == "influencer":
            self._own_act(inf, event, act)
        self._tell(inf, act)
        if of.undoable and role != "brand":
            self._remember(inf, event, actor, column, ACT_OWN, hash_, hour)
        return Found(role, act.trust, 0, False, late_by, tuple(act.factors), act.words, act.sponsored)

    def _engaged(
        self, inf: Influencer, event: Event, actor: Actor, who: int, of: Of, column: int, hash_: int,
        hour: int, late_by: float,
    ) -> Found:  # fmt: skip
        """An act of the audience: nearly all events are one, so all that is known of it is handed to the
        ledgers at once, and nothing is made for kinds that no ledger asks for (views)."""
        at, kind, meta, weight = event.occurred_s, event.kind, inf.meta, of.weight
        panes = self._panes(inf, at)
        if at < meta.evaluated:
            meta.corrected = True
        trust = credibility(actor, at)
        low = trust is not None and trust <= LOW
        post, age = None, -1.0
        if of.on_post and event.target is not None and inf.posts:
            post = self._post(inf, event.target)
            if post is not None:
                age = at - post.at
        said = words(event.text, event.lang) if of.says and event.text is not None else None
        factors = [LOW_CREDIBILITY] if low else []
        bad = low
        told = self._audience_takers.get(kind)
        if told is not None:
            act = Act(
                event, kind, "create", at, "audience", who, trust, low, weight, post, age, panes, said,
                factors, newest=meta.max_at,
            )  # fmt: skip
            self._show(inf, act, told)
            trust, low = act.trust, act.low  # a ledger may have known the profile
            bad = bool(factors) and flagged(act)
        for pane in panes:
            pane[COUNT + column] += 1
            pane[WEIGHT] += weight
        if trust is not None or bad or late_by > 0:
            for pane in panes:
                if trust is not None:
                    pane[KNOWN + column] += 1
                    if low:
                        pane[LOW_COLUMN + column] += 1
                if bad:
                    pane[FLAGGED] += weight
                if late_by > 0:
                    pane[LATE_COLUMN] += 1
        if kind != "view":
            newest = meta.max_at
            seen = at if at <= newest else newest  # one far ahead of the clock must not make the others old
            inf.actors.see(who, seen, actor.country, actor.lang or event.lang, trust)
        if post is not None:
            inf.post_act(post, age, 0 if bad else weight, kind == "like", kind == "comment")
        if of.says:
            self._spoke(inf, event, panes, bad)
        if "counters" in inf.ledgers:
            count_single(inf, kind, event.target, at, weight, self._panes, self.seed)
        if of.undoable:
            known = 0 if trust is None else ACT_KNOWN
            flags = known | (ACT_LOW if low else 0) | (ACT_FLAGGED if bad else 0)
            self._remember(inf, event, actor, column, flags, hash_, hour)
        return Found("audience", trust, weight, bad, late_by, tuple(factors), said)

    def _remember(
        self, inf: Influencer, event: Event, actor: Actor, column: int, flags: int, hash_: int, hour: int
    ) -> None:
        """An act that may be taken back."""
        act_hash = self._act_hash(inf.id, actor.id, event)
        self._memory.note(int(event.occurred_s) // MINUTES_5, column, flags, hash_, act_hash, hour)

    def _act(self, inf: Influencer, event: Event, role: str, actor: int) -> Act:
        """The event as ledgers see it, before anything is found out about it."""
        act = Act(event, event.kind, event.op, event.occurred_s, role, actor)
        act.newest = inf.meta.max_at
        if role != "audience":
            if event.target is not None and event.target.author_id is not None:
                act.other = self._hash(event.target.author_id)
            act.partnerships = self._book.of(inf.id)
        return act

    def _tell(self, inf: Influencer, act: Act) -> None:
        """Show an act to the ledgers that want it."""
        self._show(inf, act, self._takers.get(act.role, _NOBODY).get(act.kind, ()))

    @staticmethod
    def _show(inf: Influencer, act: Act, told: _Takers) -> None:
        held = inf.ledgers
        for name, kind in told:
            ledger = held.get(name)
            (inf.ledger(kind) if ledger is None else ledger).act(act)  # an empty one may be false

    def expired(self, inf: Influencer, event: Event) -> Found:
        """Count an event that is older than any pane, and say what can be said of it."""
        inf.meta.expired += 1
        inf.meta.lifetime[OF[event.kind].lifetime] += 1
        return Found(
            "audience" if event.actor is None else self._role(inf, event.actor.id), None, 0, False, 0.0
        )

    # -- parts ----------------------------------------------------------------------------------------------

    def _role(self, inf: Influencer, actor_id: str) -> str:
        if actor_id == inf.id:
            return "influencer"
        return self._book.roles(inf.id).get(actor_id, "audience")

    @staticmethod
    def _panes(inf: Influencer, at: float) -> tuple[Pane, ...]:
        if at < inf.cached_until:
            inf.cache.clear()
        index = int(at) // MINUTES_5
        if index == inf.hot_index and at > inf.meta.max_at - _SURELY_KEPT_S:
            return inf.hot_panes
        settled = inf.settled
        panes = []
        for group in (inf.minutes, inf.hours, inf.days):
            if group.keeps(at, settled):
                panes.append(group.at(at))
        if not panes:
            panes.append(inf.short_pane(at))
        inf.hot_index, inf.hot_panes = index, tuple(panes)
        return inf.hot_panes

    def _facts(self, inf: Influencer, event: Event, late_by: float) -> Found:
        """A counter or a profile: facts, not acts."""
        actor = event.actor
        if event.kind == "counter":
            if event.metric == "followers" and event.cumulative is not False and event.count is not None:
                target = event.target
                if target is None or target.id == inf.id:
                    inf.learn_followers(event.count, event.occurred_s)
            count_total(inf, event, _METRIC_WEIGHT.get(event.metric or "", 0), self._panes, self.seed)
            role = "audience" if actor is None else self._role(inf, actor.id)
            self._tell(inf, self._act(inf, event, role, 0 if actor is None else self._hash(actor.id)))
            return Found(role, None, 0, False, late_by)
        who = 0 if actor is None else self._hash(actor.id)
        if actor is None or was_forgotten(self._book.acts.forgotten, who, event.occurred_s):
            return Found("audience", None, 0, False, late_by)
        if actor.id == inf.id and actor.followers is not None:
            inf.learn_followers(actor.followers, event.occurred_s)
        trust = credibility(actor, event.occurred_s)
        role = self._role(inf, actor.id)
        act = self._act(inf, event, role, who)
        act.trust, act.low = trust, trust is not None and trust <= LOW
        self._tell(inf, act)
        if role == "audience":
            inf.actors.learn(act.actor, actor.country, actor.lang, trust)
        return Found(role, trust, 0, act.low, late_by, (LOW_CREDIBILITY,) if act.low else ())

    def _own_act(self, inf: Influencer, event: Event, act: Act) -> None:
        meta, panes, at = inf.meta, act.panes, act.at
        actor = event.actor
        if actor is not None and actor.followers is not None:
            inf.learn_followers(actor.followers, at)
        if event.kind == "post":
            sponsored = (told := event.sponsored) is not None and bool(told.label or told.disclosed)
            for pane in panes:
                pane[OWN_POSTS] += 1
                pane[OWN_SPONSORED] += sponsored
            act.post, act.post_age = inf.new_post(self._made(event), int(at), sponsored, event.event_id), 0.0
            meta.last_post_at = max(int(min(at, meta.max_at)), meta.last_post_at or 0)
        elif event.kind in ("comment", "reply"):
            for pane in panes:
                pane[OWN_REPLIES] += 1
            self._own_answer(inf, event, at)

    def _made(self, event: Event) -> int:
        """What the post that an event makes, or tells again, is found by."""
        return id_hash(event.object_id or event.event_id, self.seed)

    def _edit(self, inf: Influencer, event: Event, act: Act) -> None:
        """An edit of an own post is shown to ledgers with the post's counts."""
        act.post = inf.posts.get(self._made(event))
        if act.post is None and event.target is not None:
            act.post = inf.posts.get(id_hash(event.target.id, self.seed))
        if act.post is not None:
            inf.mark(f"p:{act.post.id_hash:x}")

    def _own_answer(self, inf: Influencer, event: Event, at: float) -> None:
        """The influencer answers: booked in the panes of the comment that is answered."""
        target = event.target
        if target is None:
            return
        for answered in (target.id, target.parent_id):
            if answered is None:
                continue
            hash_ = id_hash(answered, self.seed)
            if not at - KEEP_COMMENTS_S <= inf.comments.get(hash_, at) <= at:
                continue  # too late, or before the question: some clock is wrong
            comment_at = inf.close_comment(hash_)
            if comment_at is None:
                continue
            latency = latency_bin(at - comment_at)
            if latency is not None:
                for pane in self._panes(inf, comment_at):
                    pane[ANSWERED + latency] += 1
                    pane[WEIGHT] += ANSWER_RAISE
            if event.object_id is not None:
                inf.own_answer(id_hash(event.object_id, self.seed), comment_at)
            inf.meta.last_answer_at = max(int(min(at, inf.meta.max_at)), inf.meta.last_answer_at or 0)
            return

    def _spoke(self, inf: Influencer, event: Event, panes: tuple[Pane, ...], bad: bool) -> None:
        """What follows of words of the audience: a dialogue, or a comment that waits for an answer."""
        kind, target = event.kind, event.target
        if kind == "reply" and target is not None and inf.answers:
            comment_at = inf.take_answer(id_hash(target.id, self.seed))
            if comment_at is not None:
                for pane in self._panes(inf, comment_at):
                    pane[DIALOGUES] += 1
        if kind == "comment" and not bad:
            for pane in panes:
                pane[ANSWERABLE] += 1
            if event.object_id is not None:
                inf.open_comment(id_hash(event.object_id, self.seed), int(event.occurred_s))

    def _post(self, inf: Influencer, target: Target) -> PostStat | None:
        post = inf.posts.get(self._hash_of(target.id))
        if post is None and target.root_id is not None and target.root_id != target.id:
            post = inf.posts.get(self._hash_of(target.root_id))
        return post

    def _act_hash(self, influencer_id: str, actor_id: str, event: Event) -> int:
        target = event.target.id if event.target is not None else ""
        return id_hash(f"{influencer_id}\0{actor_id}\0{event.kind}\0{target}", self.seed)

    def _undo(self, inf: Influencer, event: Event, undo: Act, hour: int) -> None:
        """Take an act back from the pane in which it was counted; net counts never go under 0."""
        actor_id = event.actor.id if event.actor is not None else ""
        wanted = (
            id_hash(f"{inf.id}\0{event.undoes}", self.seed) if event.undoes is not None
            else self._act_hash(inf.id, actor_id, event)
        )  # fmt: skip
        undo.panes = self._panes(inf, undo.at)
        for pane in undo.panes:
            pane[UNDOS] += 1
        act = self._memory.take(wanted, hour)
        if act is not None:
            undo.undone_at = float(act.pane * MINUTES_5)
            undo.low = bool(act.flags & ACT_LOW)
        self._tell(inf, undo)
        if act is None:
            inf.meta.unresolved_undos += 1
            return
        if act.flags & ACT_OWN:
            return  # an own act: what it did to the audience stays
        if "counters" in inf.ledgers:
            taken, at = KINDS[act.kind], event.occurred_s
            count_single(inf, taken, event.target, at, 0, self._panes, self.seed, undone=True)
        bad = bool(act.flags & ACT_FLAGGED)
        weight = WEIGHTS[KINDS[act.kind]]
        if act.pane * MINUTES_5 < inf.meta.evaluated:
            inf.meta.corrected = True
        for pane in self._panes(inf, act.pane * MINUTES_5):
            if pane[COUNT + act.kind] == 0:
                continue
            pane[COUNT + act.kind] -= 1
            pane[WEIGHT] -= min(weight, pane[WEIGHT])
            if act.flags & ACT_KNOWN:
                pane[KNOWN + act.kind] -= min(1, pane[KNOWN + act.kind])
            if act.flags & ACT_LOW:
                pane[LOW_COLUMN + act.kind] -= min(1, pane[LOW_COLUMN + act.kind])
            if bad:
                pane[FLAGGED] -= min(weight, pane[FLAGGED])
                if act.kind in COMMENTED:
                    pane[INAUTHENTIC] -= min(1, pane[INAUTHENTIC])
        kind = KINDS[act.kind]
        if event.target is not None and kind in ON_POST:
            post = self._post(inf, event.target)
            if post is not None:
                age = act.pane * MINUTES_5 + MINUTES_5 / 2 - post.at  # no nearer is known than the pane
                inf.take_post_act(
                    post, max(0.0, age), 0 if bad else weight, kind == "like", kind == "comment"
                )
        if kind == "comment" and not bad:
            self._take_comment_back(inf, event, act)

    def _take_comment_back(self, inf: Influencer, event: Event, act: Remembered) -> None:
        """A comment that is gone waits for no answer."""
        if event.object_id is None:
            return
        if inf.close_comment(id_hash(event.object_id, self.seed)) is not None:
            for pane in self._panes(inf, act.pane * 300):
                pane[ANSWERABLE] -= min(1, pane[ANSWERABLE])
