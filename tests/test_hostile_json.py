"""JSON that means harm, through decoder, contract and gateway: the same verdict, and soon."""

from __future__ import annotations

import json
import time

import pytest
from pydantic import ValidationError

from processors.decode import Event, Rejected, decode
from schemas import EngagementEvent
from streams.gateway.answers import Refusal
from streams.gateway.intake import JSON, judge, split

_AT = 1_790_000_000
_GOOD = {
    "event_id": "e1", "source": "test", "kind": "comment", "occurred_at": "2026-09-21T13:46:40Z",
    "influencer_id": "x:ann", "actor": {"id": "x:bob"},
}  # fmt: skip
_WHOLE = json.dumps(_GOOD).encode()


def with_(more: bytes) -> bytes:
    """The good event with one more field."""
    return _WHOLE[:-1] + b"," + more + b"}"


#: What comes in -> whether it is an event.
_CASES = {
    "as it should be": (_WHOLE, True),
    "100,000 brackets": (b"[" * 100_000, False),
    "100,000 objects in each other": (with_(b'"a":' + b'{"b":' * 100_000 + b"1" + b"}" * 100_001), False),
    "a number of a million digits": (with_(b'"count":' + b"9" * 1_000_000), False),
    "an exponent beyond all": (with_(b'"count":1e999999999'), False),
    "not a number": (with_(b'"count":NaN'), False),
    "a name twice, the last is right": (with_(b'"kind":"wave","kind":"like"'), True),
    "a name twice, the last is wrong": (with_(b'"kind":"like","kind":"wave"'), False),
    "a lone surrogate": (with_(b'"text":"\\ud800"'), False),
    "bytes that are no UTF-8": (with_(b'"text":"\xed\xa0\x80"'), False),
    "a name of 10,000 letters": (with_(b'"' + b"a" * 10_000 + b'":1'), None),
    "zeros in ids": (_WHOLE.replace(b"x:bob", b"x:\\u0000"), None),
    "10 MiB of text": (with_(b'"text":"' + b"x" * (10 << 20) + b'"'), False),
    "10 MiB of spaces": (b"{" + b" " * (10 << 20) + _WHOLE[1:], False),
    "10 MiB of names": (with_(b",".join(b'"%d":1' % n for n in range(900_000))), False),
}


@pytest.mark.parametrize("name", _CASES)
def test_hostile_json_is_judged_quickly_and_alike(name: str) -> None:
    """The worker decides with the contract; the gateway lets through just what the worker takes."""
    data, wanted = _CASES[name]
    begun = time.process_time()
    try:
        fast = isinstance(decode(b"x:ann", data, _AT * 1_000), Event)
    except Rejected as rejected:
        fast = False
        assert rejected.errors and all(len(str(error.message)) < 2_000 for error in rejected.errors)
    try:
        items, _ = split(data, JSON, 1_000)
        good, bad = judge(items, 0, _AT * 1_000, lambda _: None)
        assert len(good) + len(bad) == 1
        let_in = bool(good)
    except Refusal as refusal:
        assert refusal.status in (400, 413)
        let_in = False
    assert time.process_time() - begun < 2.0
    assert let_in == fast
    assert wanted is None or fast == wanted
    if len(data) < 1_000_000:  # longer ones are refused by their length alone
        try:
            EngagementEvent.model_validate_json(data)
            assert fast
        except ValidationError:
            assert not fast
