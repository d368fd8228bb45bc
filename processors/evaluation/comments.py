"""How well inauthentic comments are told from people's: `rapport evaluate comments FILE.ndjson`.

    evaluate_comments(path: Path) -> dict        n, precision, recall, f1, auc, …

The file holds comment events in time order with an extra field `label` (true: inauthentic or spam). They go
through the live code one by one (features of the text, credibility, the ledger of comments); each is scored
when it comes, by what was known by then. Beside the flag of the live code there is a continuous score.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from math import exp
from pathlib import Path
from typing import Any, Final

import msgspec

from processors.actors import ActorHasher
from processors.credibility import LOW, credibility
from processors.decode import Event
from processors.evaluation.errors import EvaluationError
from processors.factors import DUPLICATE, LOW_CREDIBILITY, NEAR_DUPLICATE, POD, flagged
from processors.ledgers.base import AUDIENCE, Act
from processors.ledgers.comments import Comments
from processors.signals.inputs import PostStat
from processors.text import words

#: Score from which a comment is called inauthentic.
CALLED: Final = 0.5
_KEY: Final = b"rapport evaluate comments, 32 byt"


def _events(path: Path) -> Iterator[tuple[Event, bool]]:
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise EvaluationError(f"{path}: cannot be read: {error.strerror}") from error
    known = frozenset(Event.__struct_fields__)
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            record: Any = json.loads(line)
            label = bool(record["label"])
            event = msgspec.convert({k: v for k, v in record.items() if k in known}, Event, strict=False)
            event.occurred_s = event.occurred_at.timestamp()
        except (ValueError, KeyError, AttributeError, TypeError, msgspec.ValidationError) as error:
            raise EvaluationError(f"{path}:{number}: not a comment event with `label`: {error}") from error
        if event.kind in ("comment", "reply", "quote") and event.op == "create":
            yield event, label


def score(act: Act, matches: int, fresh: bool) -> float:
    """Chance-like score in [0, 1] that a comment is inauthentic, from what the live code found out about it.
    `matches`: other actors whose remembered text is nearly the same; `fresh`: its words are new here, and yet
    others use them. A logistic sum of the signs; the weights
    were chosen by hand, so that one strong sign or two weaker ones pass .5."""
    text = act.words
    if text is None:
        return 0.0
    sign = -2.2 + (3.0 * min(1.0, text.promotion / 0.25) if text.promotion else 0.0) + 1.0 * text.promotion
    sign += 1.9 * act.low + 1.3 * fresh
    if act.trust is not None and not act.low:
        sign += 1.6 * (0.75 - act.trust)
    sign += 1.1 * text.generic * (text.count > 0) + 0.3 * text.generic
    sign += 2.2 * (DUPLICATE in act.factors) + 1.2 * (NEAR_DUPLICATE in act.factors)
    sign += 0.7 * min(4, matches) * (text.count > 3)
    sign += 2.5 * (POD in act.factors)
    sign -= 1.0 * text.question + 0.5 * text.substance
    return 1 / (1 + exp(-sign))


def evaluate_comments(path: Path) -> dict[str, Any]:
    """Precision, recall, F1 at the score of CALLED, AUC of the score; and the same of the live flag alone.

    Raises EvaluationError where the file can't be read or has no such events.
    """
    hasher = ActorHasher(_KEY)
    ledgers: dict[str, Comments] = {}
    posts: dict[tuple[str, str], PostStat] = {}
    labels: list[bool] = []
    scores: list[float] = []
    flags: list[bool] = []
    newest: dict[str, float] = {}
    for event, label in _events(path):
        name, actor, at = event.influencer_id, event.actor, event.occurred_s
        ledger = ledgers.setdefault(name, Comments())
        newest[name] = max(newest.get(name, at), at)
        act = Act(event, event.kind, "create", at, AUDIENCE, hasher.hash(actor.id) if actor else 0)
        act.newest = newest[name]
        act.trust = credibility(actor, at) if actor is not None else None
        act.low = act.trust is not None and act.trust <= LOW
        if act.low:
            act.factors.append(LOW_CREDIBILITY)
        if event.target is not None:
            key = (name, event.target.root_id or event.target.id)
            act.post = posts.setdefault(key, PostStat(hasher.hash("\0".join(key)), int(at)))
            act.post_age = max(0.0, at - act.post.at)
        act.words = words(event.text or "", event.lang)
        ledger.act(act)
        labels.append(label)
        scores.append(score(act, ledger.matches, ledger.fresh))
        flags.append(flagged(act))
    if not labels:
        raise EvaluationError(f"{path}: no comment events in it")
    called = [value >= CALLED for value in scores]
    return {
        "n": len(labels),
        **_rates(labels, called),
        "auc": _auc(labels, scores),
        "accuracy": sum(a == b for a, b in zip(labels, called, strict=True)) / len(labels),
        "flag": _rates(labels, flags),
    }


def _rates(labels: Sequence[bool], called: Sequence[bool]) -> dict[str, float | None]:
    """precision, recall, f1; None where nothing was called, or nothing is there."""
    hits = sum(a and b for a, b in zip(labels, called, strict=True))
    precision = hits / sum(called) if any(called) else None
    recall = hits / sum(labels) if any(labels) else None
    f1 = 2 * hits / (sum(called) + sum(labels)) if any(labels) or any(called) else None
    return {"precision": precision, "recall": recall, "f1": f1}


def _auc(labels: Sequence[bool], scores: Sequence[float]) -> float | None:
    """Area under the ROC curve, ties counted half (Mann-Whitney); None where one class is missing."""
    positives = sum(labels)
    negatives = len(labels) - positives
    if not positives or not negatives:
        return None
    order = sorted(range(len(labels)), key=scores.__getitem__)
    ranks = 0.0
    start = 0
    while start < len(order):
        end = start
        while end < len(order) and scores[order[end]] == scores[order[start]]:
            end += 1
        ranks += (start + end + 1) / 2 * sum(labels[i] for i in order[start:end])
        start = end
    return (ranks - positives * (positives + 1) / 2) / (positives * negatives)
