"""Ledger `brand`: what own posts say of the brands: mentions, advertising and its disclosure, rivals,
supplied words.

Advertising is a post with the platform's label, one that the source declares (`event.sponsored`), one that
calls itself that, or a brand mention with a commercial cue inside a paid contract window. Brand mentions
without payment and cue are organic. Each own post is judged when it is made and again when it is edited; a
deleted one is taken back. Bounds and rows: brand_days.py. Texts are kept as sketches only: brand_texts.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import ClassVar, Final

import msgspec
import xxhash

from processors.disclosure import Check, Folded, Names, check, commercial_cue, names
from processors.ledgers.base import BRAND, INFLUENCER, Act, Ledger
from processors.ledgers.brand_days import ALL, KEEP_DAYS, RECENT, Days, Item, Part
from processors.ledgers.brand_texts import sketch
from processors.panes import DAY, OWN_SPONSORED
from schemas import Partnership

#: Kinds of contract in which the brand pays.
PAYS: Final = frozenset(("paid", "affiliate"))
#: Kinds that must be disclosed: what was given counts as what was paid (FTC, ASA).
OWED: Final = PAYS | {"gifted"}
#: Sketches kept per partnership: of advertising posts, and of the brand's own texts.
ADS_KEPT, OWN_KEPT = 8, 8

_pack = msgspec.msgpack.Encoder().encode
_items = msgspec.msgpack.Decoder(list[Item]).decode
_texts = msgspec.msgpack.Decoder(tuple[list[tuple[int, int, bytes]], list[tuple[int, int, bytes]]]).decode
_NOTHING: Final = Check(False, "none")


def _key(text: str) -> int:
    return xxhash.xxh3_64_intdigest(text.encode())


def key_of(partnership_id: str) -> str:
    """What a partnership is called in the ledger's fields."""
    return f"{_key(partnership_id):016x}"


def day_of(at: float) -> str:
    """The UTC day of a time as contracts write it."""
    return datetime.fromtimestamp(at, UTC).date().isoformat()


def pays_at(partnership: Partnership, at: float) -> bool:
    """Whether a contract window runs at `at` (epoch s) in which advertising must be disclosed."""
    if not partnership.contracts:
        return False
    day = day_of(at)
    return any(
        c.kind in OWED and c.starts_on.isoformat() <= day <= c.ends_on.isoformat()
        for c in partnership.contracts
    )


def brand_names(partnership: Partnership) -> Names:
    """What the brand is called: its terms, its accounts; its id where there are no terms."""
    return names(tuple(partnership.brand_terms), tuple(partnership.brand_account_ids), partnership.brand_id)


def rival_names(partnership: Partnership) -> Names:
    """What the rivals are called."""
    return names(tuple(partnership.rival_terms), ())


class Texts(msgspec.Struct):
    """Sketches of a partnership: (key, epoch s, sketch), newest last."""

    ads: list[tuple[int, int, bytes]] = msgspec.field(default_factory=list)
    own: list[tuple[int, int, bytes]] = msgspec.field(default_factory=list)


class Brand(Ledger):
    """See the module's docstring. Must see own posts before what asks whether they are paid."""

    name: ClassVar[str] = "brand"
    takes: ClassVar[Mapping[str, frozenset[str]]] = {
        INFLUENCER: frozenset(("post", "quote", "mention", "share")),
        BRAND: frozenset(("post", "comment", "quote", "mention")),
    }

    __slots__ = ("_changed", "_changed_items", "_gone", "items", "tables", "texts")

    def __init__(self) -> None:
        self.items: dict[int, Item] = {}  # by key, the newest RECENT own posts
        self.tables: dict[str, Days] = {}  # ALL, and by key_of a partnership
        self.texts: dict[str, Texts] = {}  # by key_of a partnership
        self._changed: set[str] = set()  # texts
        self._changed_items = False
        self._gone: set[str] = set()

    # -- taking in ------------------------------------------------------------------------------------------

    def act(self, act: Act) -> None:
        """Judge an own post, or remember how the brand itself speaks."""
        if act.role == BRAND:
            self._brand_text(act)
        elif act.op == "undo":
            self._undo(act)
        elif act.kind == "share":
            self._share(act)
        else:
            self._post(act)

    def _post(self, act: Act) -> None:
        key = self._key_of(act)
        old = self.items.get(key)
        if act.op == "update" and old is None:
            return  # older than what is remembered
        if old is not None and act.op == "create" and act.kind == "mention":
            return  # the same post, told once more
        item = self._judge(act, key, old)
        if act.op == "create" and act.kind == "mention" and not any(part.mention for part in item.parts):
            return
        if old is not None:
            self._book(old, act.newest, -1)
        self._book(item, act.newest, 1)
        self._remember(item)
        if act.kind == "post" and act.op == "create":
            self._say(act, item)
        elif act.kind == "post" and act.post is not None:  # an edit: what the post counts as now
            act.post.sponsored = item.sponsored

    def _key_of(self, act: Act) -> int:
        """The post's key: its object id; what an edit or a bare mention is about; else the event's own id."""
        event = act.event
        about = event.target.id if event.target is not None else None
        if (
            act.op == "update"
            and about is not None
            and (event.object_id is None or _key(about) in self.items)
        ):
            return _key(about)
        if act.kind == "mention" and event.object_id is None and about is not None:
            return _key(about)
        return _key(event.object_id or event.event_id)

    def _share(self, act: Act) -> None:
        """Passing on what the brand posted names it, without any words of one's own."""
        author = act.event.target.author_id if act.event.target is not None else None
        parts = tuple(
            Part(key_of(p.partnership_id), True, brands=1)
            for p in act.partnerships
            if author in p.brand_account_ids
        )
        if parts and author is not None:
            key = _key(act.event.object_id or act.event.event_id)
            item = Item(key, _key(act.event.event_id), 0, int(act.at), False, False, False, 0, parts)
            if key not in self.items:
                self._book(item, act.newest, 1)
                self._remember(item)

    def _judge(self, act: Act, key: int, old: Item | None) -> Item:
        event, told = act.event, act.event.sponsored
        text = None if event.text is None else Folded(event.text)
        at = act.at if old is None else float(old.at)  # an edit does not move a post
        label = told is not None and bool(told.label)
        declared = label or (told is not None and (bool(told.disclosed) or told.ad_id is not None))
        if text is None and old is not None and not event.tags:  # only the label was changed
            edited = tuple(
                _with_label(part, label, told is not None and bool(told.disclosed)) for part in old.parts
            )
            paid = old.sponsored or declared
            proper = old.proper or label or (told is not None and bool(told.disclosed))
            return msgspec.structs.replace(old, parts=edited, sponsored=paid, proper=proper)
        if told is None and old is not None and any(part.how in ("label", "declared") for part in old.parts):
            label = declared = True  # an edit that says nothing of the label leaves it where it was
        spoken = text or Folded("")
        told_so = label or (told is not None and bool(told.disclosed))
        named = [brand_names(p).named(text, event.mentions, event.tags, event.urls) for p in act.partnerships]
        brands = sum({p.brand_id: found for p, found in zip(act.partnerships, named, strict=True)}.values())
        found = _NOTHING
        parts = []
        for partnership, mention in zip(act.partnerships, named, strict=True):
            found = check(spoken, event.tags, partnership.disclosure_country)
            rival = bool(partnership.rival_terms) and rival_names(partnership).named(
                text, event.mentions, event.tags, event.urls
            )
            how = self._how(act, at, partnership, mention, found, label, declared)
            cue = how or ""
            part = Part(
                key_of(partnership.partnership_id), mention, rival, (brands + rival) if mention else 0,
                bool(how), bool(how) and (told_so or found.proper), cue, found.why, found.tag[:40],
            )  # fmt: skip
            if mention or rival or how:
                parts.append(part)
                if how and mention and act.words is not None:
                    self._sketch(part.whose, True, key, int(at), sketch(act.words.tokens))
        if not act.partnerships:
            found = check(spoken, event.tags, None)
        paid = declared or found.tells or any(part.sponsored for part in parts)
        return Item(
            key, _key(event.event_id) if old is None else old.event, (old.made if old is not None and
            old.made else act.post.id_hash if act.post is not None else 0), int(at), act.kind != "mention"
            or (old is not None and old.post), paid, paid and (told_so or found.proper or any(part.proper
            for part in parts)), _key(event.media_type.lower()) & 0xFFFF if event.media_type else 0,
            tuple(parts),
        )  # fmt: skip

    @staticmethod
    def _how(
        act: Act,
        at: float,
        partnership: Partnership,
        mention: bool,
        found: Check,
        label: bool,
        declared: bool,
    ) -> str | None:
        """By what the post is advertising for this brand; None: it is not."""
        event, told = act.event, act.event.sponsored
        payer = told.brand_id if told is not None else None
        mine = payer == partnership.brand_id or (payer is not None and payer in partnership.brand_account_ids)
        if declared and (mine or (payer is None and (mention or len(act.partnerships) == 1))):
            return "label" if label else "declared"
        paid = pays_at(partnership, at)
        if mine and paid:
            return "declared"
        if not mention:
            return None
        if found.tells:
            return "tag"
        if not paid or act.kind == "mention":
            return None
        text = None if event.text is None else Folded(event.text)
        return commercial_cue(text, event.urls, event.tags, brand_names(partnership))

    def _say(self, act: Act, item: Item) -> None:
        """Tell the enrichment, and book what the folder could not know into post and panes."""
        if item.sponsored:
            how = next((part.how for part in item.parts if part.sponsored), "tag")
            if act.event.sponsored is not None and act.event.sponsored.label:
                how = "label"
            act.sponsored = True, item.proper, how
        elif any(part.mention for part in item.parts):
            act.sponsored = False, None, "organic"
        told = act.event.sponsored
        booked = told is not None and bool(told.label or told.disclosed)
        if item.sponsored and not booked:
            for pane in act.panes:
                pane[OWN_SPONSORED] += 1
            if act.post is not None:
                act.post.sponsored = True

    def _undo(self, act: Act) -> None:
        """A post is deleted: it is taken back, as far as it is remembered."""
        event = act.event
        wanted = {_key(name) for name in (event.undoes, event.object_id) if name is not None}
        if event.target is not None and act.kind in ("post", "quote"):
            wanted.add(_key(event.target.id))
        item = next(
            (item for item in self.items.values() if item.key in wanted or item.event in wanted), None
        )
        if item is None:
            return
        del self.items[item.key]
        self._changed_items = True
        self._book(item, act.newest, -1)
        for whose, texts in self.texts.items():
            if any(each[0] == item.key for each in texts.ads):
                texts.ads = [each for each in texts.ads if each[0] != item.key]
                self._changed.add(whose)

    def _brand_text(self, act: Act) -> None:
        """How the brand speaks: what sponsored posts are compared with."""
        if act.op != "create" or act.words is None or act.event.actor is None:
            return
        made = sketch(act.words.tokens)
        for partnership in act.partnerships if made else ():
            if act.event.actor.id in partnership.brand_account_ids:
                key = _key(act.event.object_id or act.event.event_id)
                self._sketch(key_of(partnership.partnership_id), False, key, int(act.at), made)

    def _sketch(self, whose: str, ad: bool, key: int, at: int, made: bytes) -> None:
        if not made:
            return
        texts = self.texts.setdefault(whose, Texts())
        kept = [each for each in (texts.ads if ad else texts.own) if each[0] != key]
        kept = sorted([*kept, (key, at, made)], key=lambda each: (each[1], each[0]))
        if ad:
            texts.ads = kept[-ADS_KEPT:]
        else:
            texts.own = kept[-OWN_KEPT:]
        self._changed.add(whose)

    def _book(self, item: Item, newest: float, sign: int) -> None:
        if item.post:
            row = (1, item.sponsored, item.sponsored and item.proper)
            self._table(ALL).add(item.at, newest, row, sign)
        for part in item.parts:
            self._table(part.whose).add(item.at, newest, part.row, sign)

    def _table(self, whose: str) -> Days:
        return self.tables.setdefault(whose, Days())

    def _remember(self, item: Item) -> None:
        self.items[item.key] = item
        self._changed_items = True
        if len(self.items) > RECENT:
            # What may still be corrected stays longest.
            oldest = min(self.items.values(), key=lambda each: (each.open, each.at, each.key))
            del self.items[oldest.key]

    # -- reading --------------------------------------------------------------------------------------------

    def days(self, partnership_id: str) -> Days:
        """A partnership's day table (an empty one if its brand was never named)."""
        return self.tables.get(key_of(partnership_id)) or Days()

    def own(self) -> Days:
        """The influencer's day table of all own posts."""
        return self.tables.get(ALL) or Days()

    def recent(self, at: float) -> list[Item]:
        """Own posts remembered one by one, made before `at` (epoch s), oldest first."""
        return sorted((i for i in self.items.values() if i.at <= at), key=lambda i: (i.at, i.key))

    def sketches(self, partnership_id: str) -> Texts:
        """Sketches of the partnership's advertising posts and of the brand's own texts."""
        return self.texts.get(key_of(partnership_id)) or Texts()

    # -- keeping --------------------------------------------------------------------------------------------

    def trim(self, newest: float) -> None:
        """Forget what is too old."""
        for table in self.tables.values():
            table.trim(newest)
        floor = newest - KEEP_DAYS * DAY
        for whose, texts in list(self.texts.items()):
            if all(each[1] < floor for each in (*texts.ads, *texts.own)):
                del self.texts[whose]
                self._changed.discard(whose)
                self._gone.add(f"t:{whose}")

    def writes(self) -> Iterable[tuple[str, bytes | None]]:
        """The blocks of days, the texts, and the recent posts that changed."""
        out: list[tuple[str, bytes | None]] = [(name, None) for name in sorted(self._gone)]
        self._gone.clear()
        for whose, table in self.tables.items():
            out += ((f"d:{whose}:{block}", data) for block, data in table.writes())
        for whose in sorted(self._changed):
            texts = self.texts[whose]
            out.append((f"t:{whose}", _pack((texts.ads, texts.own))))
        self._changed.clear()
        if self._changed_items:
            out.append(("i", _pack(sorted(self.items.values(), key=lambda i: i.key))))
            self._changed_items = False
        return out

    def load(self, sub: str, data: bytes) -> None:
        """Take a field back."""
        group, _, rest = sub.partition(":")
        if group == "i":
            self.items = {item.key: item for item in _items(data)}
        elif group == "t":
            self.texts[rest] = Texts(*_texts(data))
        elif group == "d":
            whose, _, block = rest.rpartition(":")
            self._table(whose).load(block, data)


def _with_label(part: Part, label: bool, disclosed: bool) -> Part:
    if not (label or disclosed) or not (part.mention or part.sponsored):
        return part
    return msgspec.structs.replace(part, sponsored=True, proper=True, how="label" if label else "declared")
