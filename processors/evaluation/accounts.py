"""How well fakes are told from people: `rapport evaluate accounts FILE.ndjson`.

    evaluate_accounts(path: Path) -> dict        n, auc, average_precision, share_mae_per_100, …

The file holds `profile` events with an extra field `label` (true: fake). The score is the live credibility's
own (processors.credibility), on a scale that does not saturate.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Sequence
from math import exp, log
from pathlib import Path
from random import Random
from typing import Any, Final

import msgspec

from processors.credibility import BASE_RATE, LOW, credibility, log_odds
from processors.decode import Actor
from processors.evaluation.errors import EvaluationError

#: Groups of 100 accounts drawn for the error of the estimated share, and the seed of the draw.
GROUPS: Final = 400
GROUP: Final = 100
_SEED: Final = 7
_SHIFT: Final = log(BASE_RATE / (1 - BASE_RATE))


def _lines(path: Path) -> Iterator[tuple[Actor, bool, float]]:
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise EvaluationError(f"{path}: cannot be read: {error.strerror}") from error
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            record: Any = json.loads(line)
            label = record["label"]
            actor = msgspec.convert(
                {k: v for k, v in record["actor"].items() if k in Actor.__struct_fields__},
                Actor,
                strict=False,
            )
            at = msgspec.convert(record["occurred_at"], type=dt.datetime).timestamp()
        except (ValueError, KeyError, AttributeError, TypeError, msgspec.ValidationError) as error:
            raise EvaluationError(
                f"{path}:{number}: not a profile event with `actor`, `occurred_at` and `label`: {error}"
            ) from error
        yield actor, bool(label), at


def suspicion(actor: Actor, at: float) -> float:
    """Log odds that the account is fake, at the base rate: the model's where its facts are known, as live
    credibility is cut off at both ends, else those of the points. Unknown profiles lie at the base rate."""
    odds = log_odds(actor)
    if odds is not None:
        return odds + _SHIFT
    trust = credibility(actor, at)
    if trust is None:
        return _SHIFT
    doubt = min(0.999, max(0.001, 1 - trust))
    return log(doubt / (1 - doubt))


def auc(scores: Sequence[float], labels: Sequence[bool]) -> float | None:
    """Area under the ROC curve, ties counted half (Mann and Whitney 1947); None where a class is missing."""
    positives = sum(labels)
    negatives = len(labels) - positives
    if not positives or not negatives:
        return None
    ordered = sorted(zip(scores, labels, strict=True))
    ranks = 0.0
    start = 0
    while start < len(ordered):
        end = start
        while end < len(ordered) and ordered[end][0] == ordered[start][0]:
            end += 1
        ranks += (start + end + 1) / 2 * sum(label for _, label in ordered[start:end])
        start = end
    return (ranks - positives * (positives + 1) / 2) / (positives * negatives)


def average_precision(scores: Sequence[float], labels: Sequence[bool]) -> float | None:
    """Mean of the precision at each positive, from the highest score down; ties taken as one step."""
    positives = sum(labels)
    if not positives:
        return None
    ordered = sorted(zip(scores, labels, strict=True), reverse=True)
    total = 0.0
    found = start = 0
    while start < len(ordered):
        end = start
        while end < len(ordered) and ordered[end][0] == ordered[start][0]:
            end += 1
        hits = sum(label for _, label in ordered[start:end])
        found += hits
        total += hits * found / end
        start = end
    return total / positives


def neutral_odds(actor: Actor, at: float) -> float | None:
    """Log odds at even odds beforehand: the model's, else those of the points; None for unknown profiles."""
    known = log_odds(actor) is not None or credibility(actor, at) is not None
    return suspicion(actor, at) - _SHIFT if known else None


def estimated_share(odds: Sequence[float]) -> float:
    """Share of fakes among accounts with these log odds (at even odds): the prior that explains them best,
    by expectation maximisation (Saerens, Latinne, Decaestecker 2002, Neural Computation 14, 21)."""
    share = 0.5
    for _ in range(100):
        prior = log(share / (1 - share))
        new = sum(1 / (1 + exp(-max(-30.0, min(30.0, each + prior)))) for each in odds) / len(odds)
        new = min(0.999, max(0.001, new))
        if abs(new - share) < 1e-5:
            return new
        share = new
    return share


def evaluate_accounts(path: Path) -> dict[str, float | int | None]:
    """AUC, average precision, and the mean absolute error of the estimated share per 100 accounts, over
    groups of 100 drawn with replacement. Raises EvaluationError for a file or line that is not what it should
    be."""
    rows = list(_lines(path))
    if not rows:
        raise EvaluationError(f"{path}: holds no profile event")
    labels = [label for _, label, _ in rows]
    trusts = [credibility(actor, at) for actor, _, at in rows]
    odds = [suspicion(actor, at) for actor, _, at in rows]
    neutral = [neutral_odds(actor, at) for actor, _, at in rows]
    rng = Random(_SEED)  # noqa: S311 - a draw for an estimate, not a secret
    errors = low_errors = 0.0
    for _ in range(GROUPS):
        group = [rng.randrange(len(rows)) for _ in range(GROUP)]
        true = sum(labels[i] for i in group)
        seen = [each for i in group if (each := neutral[i]) is not None]
        errors += abs(100 * (estimated_share(seen) if seen else BASE_RATE) - true)
        known = [trust for i in group if (trust := trusts[i]) is not None]
        low_errors += abs(100 * sum(t <= LOW for t in known) / max(1, len(known)) - true)
    low = [trust is not None and trust <= LOW for trust in trusts]
    flagged = sum(low)
    right = sum(a and b for a, b in zip(low, labels, strict=True))
    return {
        "n": len(rows),
        "auc": auc(odds, labels),
        "average_precision": average_precision(odds, labels),
        "share_mae_per_100": errors / GROUPS,
        "share_mae_per_100_of_low": low_errors / GROUPS,
        "unknown": sum(trust is None for trust in trusts),
        "precision_of_low": right / flagged if flagged else None,
        "recall_of_low": right / sum(labels) if any(labels) else None,
    }
