"""Whom an act concerns, where payloads say it badly: deep threads, others' posts, others' undos, quotes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from streams.sources import Options, Parsed, open_source
from tests.streams.sources.cases import HEADERS, RECEIVED

ANN, BOB, CARL = (f"https://{host}/users/{name}" for host, name in (
    ("s.example", "ann"), ("o.example", "bob"), ("p.example", "carl")))  # fmt: skip
DAN = "https://q.example/users/dan"
PUBLIC = "https://www.w3.org/ns/activitystreams#Public"
NAMES_ANN = [{"type": "Mention", "href": ANN}]
INBOX: dict[str, Any] = {"account": ANN, "watched": frozenset([f"activitystreams:{ANN}"])}
SHARED: dict[str, Any] = {"watched": INBOX["watched"]}


def take(name: str, documents: list[Any], **options: Any) -> list[Parsed]:
    source = open_source(name, Options(**options))
    return [source.parse(json.dumps(one).encode(), RECEIVED, HEADERS) for one in documents]


def told(parsed: Parsed) -> list[str]:
    return [*(event["kind"] if event["op"] == "create" else f"{event['kind']} {event['op']}"
              for event in parsed.events),
            *(reason.code for reason in (*parsed.rejected, *parsed.left_out))]  # fmt: skip


def act(kind: str, actor: str, of: Any, number: int = 1, **fields: Any) -> dict[str, Any]:
    return {"id": f"{actor}#{kind}/{number}", "type": kind, "actor": actor, "object": of, **fields}


def note(author: str, number: int, **fields: Any) -> dict[str, Any]:
    made = {"id": f"{author}/statuses/{number}", "type": "Note", "attributedTo": author, "content": "hi",
            "published": "2026-09-21T10:00:00Z", "to": [PUBLIC], "cc": [f"{author}/followers"]}  # fmt: skip
    return act("Create", author, made | fields, number)


THREAD = [
    note(ANN, 1),
    note(BOB, 2, inReplyTo=f"{ANN}/statuses/1", cc=[ANN]),
    note(CARL, 3, inReplyTo=f"{BOB}/statuses/2"),  # below Bob's comment, and Ann is not named
    note(BOB, 4, inReplyTo=f"{CARL}/statuses/3"),
]


@pytest.mark.parametrize("options", [INBOX, SHARED], ids=["inbox", "shared inbox"])
def test_a_thread_counts_for_whose_post_it_stands_under(options: dict[str, Any]) -> None:
    parsed = take("activitystreams", THREAD, **options)
    assert [told(one) for one in parsed] == [["post"], ["comment"], ["reply"], ["reply"]]
    deep = parsed[3].events[0]["target"]
    assert (deep["author_id"], deep["root_id"]) == (f"activitystreams:{CARL}", f"{ANN}/statuses/1")


def test_what_is_said_below_another_s_post_is_not_counted_for_who_joined_in() -> None:
    talk = [note(ANN, 1, inReplyTo=f"{DAN}/statuses/7"), note(BOB, 2, inReplyTo=f"{ANN}/statuses/1"),
            note(CARL, 3, inReplyTo=f"{BOB}/statuses/2")]  # fmt: skip
    assert [told(one) for one in take("activitystreams", talk, **INBOX)] == [
        ["comment"], ["reply"], ["not_watched"]]  # fmt: skip


def test_mentions_are_account_ids_as_partnerships_name_them() -> None:
    (parsed,) = take("activitystreams", [note(BOB, 2, tag=NAMES_ANN)], **INBOX)
    assert parsed.events[0]["mentions"] == [f"activitystreams:{ANN}"]


@pytest.mark.parametrize(
    ("activity", "becomes"),
    [
        (act("Announce", BOB, f"{DAN}/statuses/7", to=[PUBLIC], cc=[f"{BOB}/followers"]), "not_watched"),
        (act("Announce", BOB, "https://s.example/users/eve/statuses/7", to=[PUBLIC]), "not_watched"),
        (note(BOB, 9, inReplyTo=f"{DAN}/statuses/7"), "not_watched"),
        (note(BOB, 9, inReplyTo=f"{DAN}/statuses/7", tag=NAMES_ANN), "mention"),
        (note(BOB, 9, inReplyTo="https://s.example/objects/5f", tag=NAMES_ANN), "comment"),
        (act("Announce", BOB, f"{ANN}/statuses/7", to=[PUBLIC], cc=[f"{BOB}/followers"]), "share"),
        (act("Announce", BOB, "https://s.example/objects/5f", to=[PUBLIC], cc=[ANN]), "share"),
        (act("Like", BOB, "https://s.example/objects/5f"), "like"),
        (act("EmojiReact", BOB, f"{ANN}/statuses/7", content="x"), "like"),
        (act("Like", BOB, "https://s.example/@eve/7"), "not_watched"),
        (note(BOB, 9, quoteUrl=f"{ANN}/statuses/7"), "quote"),
        (note(BOB, 9, quote=f"{DAN}/statuses/7"), "not_watched"),
    ],
)
def test_what_others_made_is_not_taken_for_the_inbox_s_own(activity: dict[str, Any], becomes: str) -> None:
    (parsed,) = take("activitystreams", [activity], **INBOX)
    assert told(parsed) == [becomes]


def test_what_the_influencer_likes_is_not_taken_for_their_own() -> None:
    (parsed,) = take("activitystreams", [act("Like", ANN, "https://q.example/objects/5f")], **INBOX)
    assert told(parsed) == ["like"]
    assert "author_id" not in parsed.events[0]["target"]


def test_only_who_acted_takes_it_back() -> None:
    like = act("Like", BOB, f"{ANN}/statuses/1")
    undo = {"type": "Undo", "object": like["id"]}
    parsed = take("activitystreams", [
        *THREAD[:2], like, undo | {"id": f"{CARL}#u", "actor": CARL}, undo | {"id": f"{BOB}#u", "actor": BOB},
        act("Delete", CARL, f"{BOB}/statuses/2"), act("Delete", f"{BOB}-moderates", f"{BOB}/statuses/2"),
        act("Delete", BOB, f"{BOB}/statuses/99"), act("Delete", ANN, f"{ANN}/statuses/99"),
    ], **INBOX)  # fmt: skip
    assert [told(one) for one in parsed[2:]] == [
        ["like"], ["shape"], ["like undo"], ["shape"], ["comment undo"], ["unresolved"], ["post undo"],
    ]  # fmt: skip


# -- Mastodon -----------------------------------------------------------------------------------------------

MASTODON: dict[str, Any] = {
    "instance": "s.example", "account": "1", "watched": frozenset(["mastodon:s.example/1"])}  # fmt: skip


def status(number: int, account: int, **fields: Any) -> dict[str, Any]:
    return {"id": str(number), "created_at": "2026-09-21T10:00:00.000Z", "content": "<p>hi</p>",
            "account": {"id": str(account), "acct": f"u{account}"}, **fields}  # fmt: skip


def frame(event: str, payload: Any) -> dict[str, Any]:
    return {"event": event, "payload": payload if isinstance(payload, str) else json.dumps(payload)}


def test_a_thread_on_mastodon_counts_for_whose_post_it_stands_under() -> None:
    named = [{"id": "1", "acct": "u1"}]
    parsed = take("mastodon", [
        frame("update", status(10, 1)),
        frame("update", status(11, 2, in_reply_to_id="10", in_reply_to_account_id="1", mentions=named)),
        frame("update", status(12, 3, in_reply_to_id="11", in_reply_to_account_id="2", mentions=named)),
        frame("update", status(13, 2, in_reply_to_id="12", in_reply_to_account_id="3")),
        frame("delete", "13"),
    ], **MASTODON)  # fmt: skip
    assert [told(one) for one in parsed] == [["post"], ["comment"], ["reply"], ["reply"], ["reply undo"]]
    assert parsed[1].events[0]["mentions"] == ["u1", "mastodon:s.example/1"]
    assert parsed[3].events[0]["target"] == {
        "id": "mastodon/s.example/12", "type": "comment", "author_id": "mastodon:s.example/3",
        "parent_id": "mastodon/s.example/12", "root_id": "mastodon/s.example/10",
    }  # fmt: skip


def test_an_inbox_and_a_stream_count_for_their_own_account_only() -> None:
    strangers = [act("Announce", BOB, f"{DAN}/statuses/7", to=[PUBLIC]), act("Follow", BOB, CARL)]
    assert [told(one) for one in take("activitystreams", strangers, account=ANN)] == [["not_watched"]] * 2
    home = [frame("update", status(30, 7)), frame("update", status(31, 1))]
    parsed = take("mastodon", home, account="1", instance="s.example")
    assert [told(one) for one in parsed] == [["not_watched"], ["post"]]


def test_a_boost_has_one_id_however_it_is_told() -> None:
    boost = status(20, 2, content="", reblog=status(10, 1))
    told_of = [{"type": "reblog", "id": "5", "created_at": "2026-09-21T10:00:00.000Z",
                "account": boost["account"], "status": one} for one in (boost["reblog"], boost)]  # fmt: skip
    parsed = take("mastodon", [frame("update", boost), *(frame("notification", one) for one in told_of)],
                  **MASTODON)  # fmt: skip
    assert len({one.events[0]["event_id"] for one in parsed}) == 1
    others = take("mastodon", [frame("update", status(21, 2, reblog=status(30, 7)))], **MASTODON)
    assert [told(one) for one in others] == [["not_watched"]]


# -- what is odd, whatever the source -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "document", "code"),
    [
        ("instagram", {"object": "instagram", "entry": []}, "no_value"),
        ("instagram", {"object": "instagram", "entry": [{"id": "1", "time": 1, "changes": []}]}, "no_value"),
        ("instagram", {"object": "instagram", "entry": [5]}, "missing"),
        (
            "instagram",
            {"object": "instagram", "entry": [{"id": "1", "time": 1, "changes": ["x"]}]},
            "missing",
        ),
        ("linkedin", {"notifications": []}, "no_value"),
        ("linkedin", {"notifications": [None]}, "missing"),
        ("youtube", {"items": ["x"]}, "shape"),
        ("tiktok", {"data": {"comments": ["x"]}}, "missing"),
    ],
)
def test_nothing_is_passed_over_in_silence(name: str, document: Any, code: str) -> None:
    (parsed,) = take(name, [document], account="1")
    assert told(parsed) == [code]


def test_a_byte_order_mark_is_passed_over() -> None:
    mark = b"\xef\xbb\xbf"
    frame = {"did": "did:plc:a", "time_us": 1790000000000000, "kind": "identity", "identity": {"seq": 1}}
    assert open_source("bluesky").parse(mark + json.dumps(frame).encode(), RECEIVED).events
    feed = b'<feed xmlns="http://www.w3.org/2005/Atom"/>'
    assert told(open_source("youtube").parse(mark + feed, RECEIVED)) == ["no_value"]


def test_a_time_that_is_set_back_is_the_platform_s() -> None:
    like = {"did": "did:plc:b", "time_us": 1790000000000000, "kind": "commit", "commit": {
        "operation": "create", "collection": "app.bsky.feed.like", "rkey": "3k", "record": {
            "createdAt": "2031-01-01T00:00:00Z",
            "subject": {"uri": "at://did:plc:a/app.bsky.feed.post/1"}}}}  # fmt: skip
    (parsed,) = take("bluesky", [like])
    assert (parsed.events[0]["clock"], parsed.events[0]["occurred_at"]) == (
        "send",
        "2026-09-21T14:13:20.000Z",
    )


@pytest.mark.parametrize(
    ("told_of", "gone"),
    [
        ({"active": False, "status": "deleted"}, True),
        ({"active": False, "status": "deactivated"}, True),
        ({"active": False}, True),
        ({"active": False, "status": "desynchronized"}, False),
        ({"active": False, "status": "throttled"}, False),
        ({"active": True}, False),
        ({"active": "false"}, False),
    ],
)
def test_only_accounts_whose_people_left_are_to_be_forgotten(told_of: dict[str, Any], gone: bool) -> None:
    frame = {"did": "did:plc:a", "time_us": 1790000000000000, "kind": "account", "account": told_of}
    (parsed,) = take("bluesky", [frame])
    assert parsed.forget == (("bluesky:did:plc:a",) if gone else ())


def test_a_bluesky_link_card_and_pictures() -> None:
    def post(embed: dict[str, Any]) -> dict[str, Any]:
        record = {"text": "new", "createdAt": "2026-09-21T10:00:00Z", "embed": embed}
        return {"did": "did:plc:a", "time_us": 1790000000000000, "kind": "commit", "commit": {
            "operation": "create", "collection": "app.bsky.feed.post", "rkey": "3k", "record": record,
        }}  # fmt: skip

    card = {"$type": "app.bsky.embed.external", "external": {"uri": "https://acme.example/?ref=ann"}}
    both = {"$type": "app.bsky.embed.recordWithMedia", "media": {"$type": "app.bsky.embed.images"},
            "record": {"record": {"uri": "at://did:plc:c/app.bsky.feed.post/1"}}}  # fmt: skip
    linked, pictured = (one.events[0] for one in take("bluesky", [post(card), post(both)]))
    assert (linked["urls"], linked["media_type"]) == (["https://acme.example/?ref=ann"], "link")
    assert (pictured["kind"], pictured["media_type"]) == ("quote", "image")


def test_a_polled_video_tells_what_its_push_did_not() -> None:
    video = {"kind": "youtube#video", "id": "v", "snippet": {
        "publishedAt": "2026-09-21T10:00:00Z", "channelId": "UCann", "title": "T", "description": "#ad"},
        "paidProductPlacementDetails": {"hasPaidProductPlacement": True}}  # fmt: skip
    first, again = take("youtube", [video, video])
    created, updated = first.events
    assert (created["op"], updated["op"], updated["clock"]) == ("create", "update", "poll")
    assert (updated["text"], updated["sponsored"]) == ("T\n#ad", {"label": True})
    assert [event["event_id"] for event in again.events] == [event["event_id"] for event in first.events]
