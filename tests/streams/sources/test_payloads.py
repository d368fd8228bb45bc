"""What becomes of single payloads: the traps of each platform, one by one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from streams.sources import Options, Parsed, open_source
from streams.sources.atom import entries
from streams.sources.errors import Refused
from tests.streams.sources.cases import BY_NAME, HEADERS, RECEIVED

ANN = BY_NAME["bluesky"].influencer
FAN = "bluesky:did:plc:eygmaihciaxprqvxpfvl6flk"
BOB = "bluesky:did:plc:l5o3qjrmfztir54cpwlv2eme"


def by(name: str, influencer: str | None = None) -> list[tuple[str, str, str | None]]:
    """(kind, op, actor) of each event that is counted for the influencer."""
    case = BY_NAME[name]
    watched = frozenset([influencer or case.influencer])
    return [(e["kind"], e["op"], e.get("actor", {}).get("id")) for e in case.events(watched=watched)]


def of(name: str, **wanted: Any) -> Iterator[dict[str, Any]]:
    """Events with these values."""
    for event in BY_NAME[name].events():
        if all(event.get(field) == value for field, value in wanted.items()):
            yield event


def parse(name: str, document: Any, **options: Any) -> Parsed:
    return open_source(name, Options(**options)).parse(json.dumps(document).encode(), RECEIVED, HEADERS)


def codes(one: Parsed) -> list[str]:
    return [reason.code for reason in (*one.rejected, *one.left_out)]


# -- Bluesky ------------------------------------------------------------------------------------------------


def test_bluesky_says_whom_each_act_concerns() -> None:
    assert by("bluesky") == [
        ("post", "create", ANN), ("like", "create", FAN), ("share", "create", BOB),
        ("comment", "create", FAN), ("reply", "create", ANN), ("quote", "create", BOB),
        ("quote", "create", BOB), ("follow", "create", FAN),
        ("mention", "create", BOB), ("like", "create", BOB), ("comment", "update", FAN),
        ("profile", "create", ANN), ("like", "undo", FAN), ("follow", "undo", FAN), ("quote", "undo", BOB),
        ("profile", "create", ANN),
    ]  # fmt: skip


def test_a_bluesky_act_between_two_watched_accounts_is_told_for_each_under_one_id() -> None:
    events = BY_NAME["bluesky"].events(watched=frozenset([ANN, FAN]))
    likes = [event for event in events if event["kind"] == "like" and event["op"] == "create"]
    assert [event["influencer_id"] for event in likes[:2]] == [ANN, FAN]
    assert likes[0]["event_id"] == likes[1]["event_id"]


def test_a_clock_that_is_ahead_is_set_to_the_network_s() -> None:
    (ahead,) = (e for e in of("bluesky", kind="like", op="create") if e["actor"]["id"] == BOB)
    assert ahead["occurred_at"] == "2026-09-21T14:22:20.000Z"


def test_rich_text_gives_tags_links_and_mentions() -> None:
    post = next(of("bluesky", kind="post"))
    assert (post["tags"], post["urls"], post["lang"]) == (["acmeride"], ["https://acme.example/gloves"], "en")
    assert post["mentions"] == ["bluesky:did:plc:acmeacmeacmeacmeacmeacme"]


def test_an_account_that_is_gone_is_to_be_forgotten() -> None:
    assert [one for parsed in BY_NAME["bluesky"].parsed() for one in parsed.forget] == [FAN]


def test_an_old_own_like_is_taken_back_without_having_been_seen() -> None:
    frame = {"did": ANN.removeprefix("bluesky:"), "time_us": 1790000000000000, "kind": "commit", "commit": {
        "operation": "delete", "collection": "app.bsky.feed.post", "rkey": "3k"}}  # fmt: skip
    assert codes(parse("bluesky", frame)) == ["unresolved"]
    (event,) = parse("bluesky", frame, watched=frozenset([ANN])).events
    assert (event["op"], event["undoes"]) == ("undo", event["event_id"].replace("/delete", "/create"))


# -- Mastodon -----------------------------------------------------------------------------------------------


def test_mastodon_tells_the_facts_about_who_acts() -> None:
    like = next(of("mastodon", kind="like"))
    assert like["actor"] == {
        "id": "mastodon:social.example/971725", "handle": "bob@social.example", "followers": 812,
        "following": 240, "posts": 1905, "created_at": "2022-04-05T00:00:00+00:00", "has_avatar": False,
        "bot": True,
    }  # fmt: skip


def test_two_streams_that_tell_of_the_same_act_agree() -> None:
    ids = [event["event_id"] for event in of("mastodon", op="create")]
    assert len(ids) - len(set(ids)) == 2  # a comment and its notification, a boost and its own


def test_what_was_said_in_private_is_left_out() -> None:
    for name in ("mastodon", "activitystreams", "instagram"):
        assert "a secret" in "".join(p.decode() for p in BY_NAME[name].payloads())
        assert "a secret" not in json.dumps(BY_NAME[name].events())


def test_html_becomes_text() -> None:
    assert next(of("mastodon", kind="comment"))["text"] == "Where did you get\nthese?"
    post = next(of("mastodon", kind="post"))
    assert (post["urls"], post["tags"]) == (["https://acme.example/gloves"], ["acmeride"])


def test_server_sent_events_are_read_too() -> None:
    source = BY_NAME["mastodon"].open()
    assert source.parse(b":thump\n", RECEIVED).left_out[0].message == "a heartbeat"
    body = b"event: delete\ndata: 1234\n\n"
    assert [reason.code for reason in source.parse(body, RECEIVED).rejected] == ["unresolved"]


def test_a_follow_needs_to_know_whom() -> None:
    told = json.loads(BY_NAME["mastodon"].payloads()[7])
    assert codes(parse("mastodon", told, instance="social.example")) == ["missing"]


# -- ActivityStreams ----------------------------------------------------------------------------------------


def test_somebody_else_s_act_cannot_be_undone() -> None:
    like = {
        "id": "https://a.example/l/1",
        "type": "Like",
        "actor": "https://a.example/a",
        "object": "https://b.example/1",
    }
    undo = {"id": "https://c.example/u/1", "type": "Undo", "actor": "https://c.example/c", "object": like}
    assert codes(parse("activitystreams", undo, account="https://b.example/b")) == ["shape"]
    (event,) = parse(
        "activitystreams", undo | {"actor": "https://a.example/a"}, account="https://b.example/b"
    ).events
    assert (event["op"], event["undoes"]) == ("undo", "activitystreams/https://a.example/l/1")
    assert event["influencer_id"] == "activitystreams:https://b.example/b"


def test_long_ids_are_cut_to_one_that_stays_the_same() -> None:
    like = {"id": "https://a.example/" + "l" * 300, "type": "Like", "actor": "https://a.example/a",
            "object": "https://b.example/1"}  # fmt: skip
    one, other = (parse("activitystreams", like | {"id": like["id"] + end}, account="https://b.example/b")
                  for end in "xy")  # fmt: skip
    assert len(one.events[0]["event_id"]) == 256
    assert one.events[0]["event_id"] != other.events[0]["event_id"]


# -- Instagram ----------------------------------------------------------------------------------------------


def test_fewer_than_five_and_empty_answers_make_no_counter() -> None:
    told = [reason for parsed in BY_NAME["instagram"].parsed() for reason in parsed.left_out]
    assert sum(reason.code == "no_value" for reason in told) == 3
    assert not [event for event in of("instagram", kind="counter") if event["count"] < 30]


def test_a_comment_on_an_ad_is_marked() -> None:
    (ad,) = (e for e in of("instagram", kind="comment") if "sponsored" in e)
    assert ad["sponsored"] == {"label": True, "ad_id": "6042"}
    assert ad["extra"]["media"] == {"ad_title": "Gloves", "original_media_id": "17887498072083520"}


def test_the_three_envelopes_of_instagram() -> None:
    events = list(of("instagram", clock="send"))
    assert [event["kind"] for event in events][:4] == ["comment", "reply", "comment", "comment"]
    assert events[1]["actor"]["id"] == BY_NAME["instagram"].influencer  # the influencer's own answer


def test_one_bad_update_does_not_hold_up_the_batch() -> None:
    batch = next(one for one in BY_NAME["instagram"].parsed() if one.events and one.rejected)
    assert batch.events[0]["text"] == "first of two"
    assert str(batch.rejected[0]).startswith("missing: entry.0.changes.1.value.")


# -- YouTube, TikTok, LinkedIn ------------------------------------------------------------------------------


def test_youtube_s_own_answer_edit_and_poll() -> None:
    assert ("reply", "create", "youtube:UCann") in by("youtube")
    assert ("comment", "update", "youtube:UCbob") in by("youtube")
    views = next(of("youtube", metric="views"))
    assert (views["count"], views["clock"], views["occurred_at"]) == (
        20450,
        "poll",
        "2026-09-21T20:00:00.000Z",
    )


def test_a_push_long_after_the_upload_is_an_edit() -> None:
    data = (BY_NAME["youtube"].payloads()[-2]).replace(b"2026-09-21T14:00:09", b"2026-09-21T18:00:09")
    (event,) = open_source("youtube").parse(data, RECEIVED).events
    assert (event["op"], event["occurred_at"]) == ("update", "2026-09-21T18:00:09.012Z")


@pytest.mark.parametrize(
    "document",
    [
        b'<!DOCTYPE feed [<!ENTITY a "b">]><feed><entry>&a;</entry></feed>',
        b'<!DOCTYPE feed SYSTEM "http://127.0.0.1/x.dtd"><feed/>',
        b"<feed><entry></feed>",
        b'<?xml version="1.0" encoding="nonsense"?><feed/>',
        b"<a>" * 100,
    ],
)
def test_xml_that_could_do_harm_is_not_read(document: bytes) -> None:
    with pytest.raises(Refused) as refused:
        entries(document)
    assert refused.value.reason.code in ("not_xml", "depth")


def test_nobody_seems_to_come_back_where_authors_are_not_told() -> None:
    who = [event["actor"]["id"] for event in of("tiktok") if event["kind"] in ("comment", "reply")]
    assert len(set(who)) == len(who) == 2
    assert all(event["extra"]["actor_unknown"] for event in of("tiktok", kind="comment"))


def test_linkedin_acts() -> None:
    page = BY_NAME["linkedin"].influencer
    assert by("linkedin") == [
        ("like", "create", "linkedin:urn:li:person:FAN1"),
        ("comment", "create", "linkedin:urn:li:person:FAN2"),
        ("reply", "create", page), ("share", "create", "linkedin:urn:li:person:FAN3"),
        ("mention", "create", "linkedin:urn:li:person:FAN3"),
        ("comment", "update", "linkedin:urn:li:person:FAN2"),
        ("comment", "undo", "linkedin:urn:li:person:FAN2"),
    ]  # fmt: skip


# -- what polls tell, and answers that refuse ---------------------------------------------------------------


def test_own_posts_come_of_listed_media_and_polled_videos() -> None:
    (media,) = of("instagram", kind="post")
    assert (media["tags"], media["mentions"], media["media_type"]) == (["acmeride"], ["acme.ride"], "image")
    assert (media["clock"], media["occurred_at"]) == ("event", "2026-09-21T10:00:00.000Z")
    video = next(one for one in of("youtube", kind="post") if "aQw4w9WgXcR" in one["event_id"])
    assert video["sponsored"] == {"label": True} and video["text"].endswith("#ad")
    pushed, polled = (one["event_id"] for one in list(of("youtube", kind="post", op="create"))[-2:])
    assert pushed.rpartition("/")[2] == polled.rpartition("/")[2] == "create"


def test_an_answer_names_who_asked() -> None:
    answer = next(one for one in of("youtube", kind="reply") if one["actor"]["id"] == "youtube:UCann")
    assert answer["target"]["author_id"] == "youtube:UCfan"


def test_a_list_of_envelopes_a_bare_update_and_a_comment_without_its_author() -> None:
    texts = {one.get("text"): one for one in of("instagram", kind="comment")}
    unsigned = texts["in a list"]
    assert unsigned["extra"]["actor_unknown"] and "anonymous" in unsigned["actor"]["id"]
    assert texts["This is an example."]["influencer_id"] == BY_NAME["instagram"].influencer


@pytest.mark.parametrize(
    ("name", "document", "code"),
    [
        ("instagram", {"error": {"message": "expired", "type": "OAuthException", "code": 190}}, "token"),
        ("instagram", {"error": {"message": "too many", "type": "OAuthException", "code": 4}}, "busy"),
        ("instagram", {"error": {"message": "no such", "type": "GraphMethod", "code": 100}}, "shape"),
        ("youtube", {"error": {"code": 403, "errors": [{"reason": "quotaExceeded"}]}}, "busy"),
        ("youtube", {"error": {"code": 401, "message": "Invalid Credentials"}}, "token"),
        ("youtube", {"error": {"code": 400, "message": "API key not valid."}}, "token"),
        ("tiktok", {"data": {}, "error": {"code": "access_token_invalid"}}, "token"),
        ("tiktok", {"data": {}, "error": {"code": "rate_limit_exceeded"}}, "busy"),
        ("tiktok", {"event": "authorization.removed", "content": "{}"}, "token"),
    ],
)  # fmt: skip
def test_a_token_that_ended_is_told_apart_from_a_limit(name: str, document: Any, code: str) -> None:
    assert codes(parse(name, document)) == [code]


def test_insights_of_a_day_and_of_the_account_are_no_running_totals() -> None:
    insight = {"name": "reach", "period": "day", "id": "1/insights/reach/day", "values": [{"value": 9}]}
    account = insight | {"period": "lifetime", "id": "17841405793187218/insights/likes/lifetime"}
    one = parse("instagram", {"data": [insight, account]}, account="17841405793187218")
    assert codes(one) == ["not_engagement"] * 2


def test_a_quote_that_was_taken_back_and_a_quote_in_the_stream() -> None:
    account = {"id": "5", "acct": "bob"}
    quoted = {"id": "1", "account": {"id": "23634", "acct": "ann"}}
    status = {"id": "9", "created_at": "2026-09-21T14:00:00.000Z", "account": account, "content": "<p>x</p>"}
    frame = {"event": "notification", "payload": json.dumps({"type": "quote", "id": "3", "status": status | {
        "quote": {"state": "revoked", "quoted_status": None}}})}  # fmt: skip
    assert codes(parse("mastodon", frame, instance="s.example")) == ["not_engagement"]
    update = {"event": "update", "payload": json.dumps(status | {"quote": {"quoted_status": quoted}})}
    ann = "mastodon:s.example/23634"
    (event,) = parse("mastodon", update, instance="s.example", watched=frozenset([ann])).events
    assert (event["kind"], event["influencer_id"], event["event_id"]) == (
        "quote",
        ann,
        "mastodon/s.example/9/create",
    )


def test_a_pinned_post_is_not_saved_and_long_names_of_types_are_read() -> None:
    add = {"id": "https://a.example/1", "type": "Add", "actor": "https://a.example/a",
           "object": "https://a.example/p", "target": "https://a.example/a/collections/featured"}  # fmt: skip
    assert codes(parse("activitystreams", add)) == ["not_engagement"]
    like = add | {"type": "https://www.w3.org/ns/activitystreams#Like"}
    (event,) = parse("activitystreams", like, account="https://b.example/b").events
    assert event["kind"] == "like"
