"""Canonical events as JSON text. Everything handed in is JSON-escaped already: no encoder runs per event."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from processors.generator.actors import Actor

_MINUTES: Final = tuple(f"{minute:02d}:{second:02d}" for minute in range(60) for second in range(60))
_hours: dict[int, str] = {}


def stamp(at: float) -> str:
    """Epoch seconds as RFC 3339 in UTC with milliseconds."""
    seconds, ms = divmod(round(at * 1_000), 1_000)
    hour, rest = divmod(seconds, 3_600)
    prefix = _hours.get(hour)
    if prefix is None:
        if len(_hours) > 10_000:
            _hours.clear()
        prefix = _hours[hour] = datetime.fromtimestamp(hour * 3_600, UTC).strftime("%Y-%m-%dT%H:")
    return f"{prefix}{_MINUTES[rest]}.{ms:03d}Z"


def on_post(
    event_id: str, kind: str, at: float, influencer: str, actor: Actor, post: str, made: str = ""
) -> str:
    """A like, share or save of an own post (`made`: id of what a share made)."""
    made_part = f'"object_id":"{made}",' if made else ""
    return (
        f'{{"event_id":"{event_id}","source":"generator","kind":"{kind}","occurred_at":"{stamp(at)}",'
        f'"clock":"event","influencer_id":"{influencer}","actor":{actor.fragment},{made_part}'
        f'"target":{{"id":"{post}","type":"post","author_id":"{influencer}"}}}}'
    )


def act(event_id: str, kind: str, at: float, influencer: str, actor: str, target: str) -> str:
    """Any act without words. `actor`, `target`: whole objects."""
    return (
        f'{{"event_id":"{event_id}","source":"generator","kind":"{kind}","occurred_at":"{stamp(at)}",'
        f'"clock":"event","influencer_id":"{influencer}","actor":{actor},"target":{target}}}'
    )


def unfollowed(event_id: str, at: float, influencer: str, actor: Actor) -> str:
    """Somebody leaves whose follow was never seen."""
    return (
        f'{{"event_id":"{event_id}","source":"generator","kind":"follow","op":"undo",'
        f'"occurred_at":"{stamp(at)}","clock":"event","influencer_id":"{influencer}",'
        f'"actor":{actor.fragment},"target":{account(influencer)}}}'
    )


def undone(
    event_id: str, original: str, kind: str, at: float, influencer: str, actor: Actor, target: str
) -> str:
    """The undo of an earlier act, named by its event id. `target`: the whole object."""
    return (
        f'{{"event_id":"{event_id}","source":"generator","kind":"{kind}","op":"undo",'
        f'"occurred_at":"{stamp(at)}","clock":"event","influencer_id":"{influencer}",'
        f'"actor":{actor.fragment},"target":{target},"undoes":"{original}"}}'
    )


def said(
    event_id: str,
    kind: str,
    at: float,
    influencer: str,
    actor: str,
    object_id: str,
    target: str,
    text: str,
    lang: str | None,
) -> str:
    """A comment or reply. `actor`, `target`: whole objects."""
    lang_part = f',"lang":"{lang}"' if lang else ""
    return (
        f'{{"event_id":"{event_id}","source":"generator","kind":"{kind}","occurred_at":"{stamp(at)}",'
        f'"clock":"event","influencer_id":"{influencer}","actor":{actor},"object_id":"{object_id}",'
        f'"target":{target},"text":"{text}"{lang_part}}}'
    )


def thread(target_id: str, kind: str, author: str, parent: str, root: str) -> str:
    """The target of something said in a thread."""
    return (
        f'{{"id":"{target_id}","type":"{kind}","author_id":"{author}","parent_id":"{parent}",'
        f'"root_id":"{root}"}}'
    )


def post(
    event_id: str,
    at: float,
    influencer: str,
    object_id: str,
    text: str,
    lang: str,
    more: str,
    media_type: str = "image",
) -> str:
    """An own post. `more`: further fields, each preceded by a comma."""
    return (
        f'{{"event_id":"{event_id}","source":"generator","kind":"post","occurred_at":"{stamp(at)}",'
        f'"clock":"event","influencer_id":"{influencer}","actor":{{"id":"{influencer}"}},'
        f'"object_id":"{object_id}","text":"{text}","lang":"{lang}","media_type":"{media_type}"{more}}}'
    )


def follow(event_id: str, at: float, influencer: str, actor: Actor) -> str:
    """Someone follows the influencer."""
    return (
        f'{{"event_id":"{event_id}","source":"generator","kind":"follow","occurred_at":"{stamp(at)}",'
        f'"clock":"event","influencer_id":"{influencer}","actor":{actor.fragment},"target":{account(influencer)}}}'
    )


def account(influencer: str) -> str:
    """The influencer's account as a target."""
    return f'{{"id":"{influencer}","type":"account","author_id":"{influencer}"}}'


def profile(
    event_id: str,
    at: float,
    influencer: str,
    handle: str,
    followers: int,
    following: int,
    posts: int,
    created_at: str,
    lang: str,
) -> str:
    """The influencer's own facts at that time."""
    return (
        f'{{"event_id":"{event_id}","source":"generator","kind":"profile","occurred_at":"{stamp(at)}",'
        f'"clock":"poll","influencer_id":"{influencer}","actor":{{"id":"{influencer}","handle":"{handle}",'
        f'"followers":{followers},"following":{following},"posts":{posts},"created_at":"{created_at}",'
        f'"has_avatar":true,"has_bio":true,"bot":false,"lang":"{lang}"}}}}'
    )
