"""The drop test of interaction quality: `quality_drop(score, inp, ref) -> Finding`.

Raw increments are compared with the frozen reference and its own uncertainty,
    z = (ref - x) / sqrt(phi v(x) + phi v(ref) + tau^2),    breached when z > K and the change is beyond
    delta,
phi the overdispersion measured on the past, tau how far a level wanders within two months without any cause.
The numbers and their why: docs/method.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, log, sqrt
from typing import Final

from processors.detection.explainers import surge
from processors.detection.verdict import K_CRITICAL, Finding, K, causes
from processors.scores import Score
from processors.signals.health import FLOOR, pulls
from processors.signals.inputs import Reference, SignalInput
from processors.signals.quality import EXPONENTS, deep_and_all
from processors.signals.stats import MEDIAN_SE, median

QUALITY_DELTA, QUALITY_CRITICAL = -0.10, -0.25
G_DELTA, DEPTH_DELTA, RATE_DELTA = -0.10, -0.35, -0.40
G_PHI, G_TAU = 2.0, 0.03
DEPTH_TAU, RATE_TAU = 0.25, 0.25
#: Single posts differ by at least so much (log sd), even if the reference's few agree.
RATE_SD_MIN: Final = 0.30
MIN_ACTORS: Final = 10
#: Likes' worth that a post must usually draw for its rate to be tested: of a handful, the median of a
#: week's posts is a matter of chance.
MIN_WEIGHT: Final = 15.0
SURGE: Final = (("D7", 1.6),)


def _genuineness_z(part: Score) -> float:
    if part.value is None or part.baseline is None or part.n <= 0:
        return 0.0
    base = min(0.98, max(0.02, part.baseline))
    # 1.25: the reference holds some four times as many acts, so its own variance is a quarter.
    variance = G_PHI * base * (1 - base) * 1.25 / part.n + G_TAU**2
    return (part.baseline - part.value) / sqrt(variance)


def _depth_z(part: Score, ref: Reference) -> float:
    if part.value is None or not part.baseline or part.n <= 0:
        return 0.0
    base = min(0.98, max(0.02, part.baseline))
    spread = base * (1 - base)
    before = max(1.0, deep_and_all(ref.total)[1] / ref.depth_phi)
    return (part.baseline - part.value) / sqrt(spread / part.n + spread / before + (DEPTH_TAU * spread) ** 2)


def _acts_per_post(inp: SignalInput) -> float:
    """Median weight at 24 h of the posts that are known, in likes' worth; 0 without any."""
    acts = sorted(post.weight[2] / 100 for post in inp.posts)
    return median(acts) if acts else 0.0


def _rate_z(part: Score, ref: Reference, acts: float, followers: int | None) -> float:
    if part.value is None or not part.baseline or part.n <= 0 or ref.quality_posts <= 0:
        return 0.0
    if part.baseline * (followers or 0) < MIN_WEIGHT:
        return 0.0
    # A post of few acts is a matter of chance beyond what posts differ by.
    single = MEDIAN_SE**2 * (max(RATE_SD_MIN, ref.quality_rate_log_sd or 0.5) ** 2 + 1 / max(1.0, acts))
    variance = single / part.n + single / ref.quality_posts + RATE_TAU**2
    return -log(max(part.value / part.baseline, FLOOR)) / sqrt(variance)


def quality_drop(score: Score, inp: SignalInput, ref: Reference) -> Finding:
    """Any of genuineness, depth and quality rate, where it drops beyond doubt and carries the signal down."""
    parts = score.parts
    shares = {name: parts[name] for name, _ in EXPONENTS if name in parts}
    before: dict[str, float] = {}
    after: dict[str, float] = {}
    for name, part in shares.items():
        if part.value is None or not part.baseline:
            continue
        absolute = name == "genuineness"
        before[name] = part.baseline if absolute else 1.0
        after[name] = part.value if absolute else min(1.0, part.value / part.baseline)
    exponents = dict(EXPONENTS)
    if sum(exponents[name] for name in before) < 0.5:
        return Finding(False, reason="not_measurable")
    if inp.actors_d28.actors < MIN_ACTORS:
        return Finding(False, reason="too_few_actors")
    share = pulls(before, after, exponents)
    total = sum(share.values())
    effect = exp(total) - 1
    tests: Sequence[tuple[str, float, float]] = (
        ("genuineness", _genuineness_z(shares["genuineness"]), G_DELTA),
        ("depth", _depth_z(shares["depth"], ref), DEPTH_DELTA),
        (
            "quality_rate",
            _rate_z(shares["quality_rate"], ref, _acts_per_post(inp), inp.followers),
            RATE_DELTA,
        ),
    )
    found = [
        (z, name) for name, z, delta in tests
        if name in share and z > K and after[name] / before[name] - 1 <= delta and 3 * share[name] <= total
    ]  # fmt: skip
    considered = surge(inp, SURGE)
    if considered.accepted:  # likes of strangers thin the talk out: depth alone says nothing in a surge
        found = [(z, name) for z, name in found if name != "depth"]
    z = max((z for z, _ in found), default=max(z for _, z, _ in tests))
    real_before = {name: shares[name].baseline or 0.0 for name in before}
    real_after = {name: shares[name].value or 0.0 for name in before}
    breached = bool(found) and effect <= QUALITY_DELTA
    return Finding(
        True, breached, effect, z, breached and effect <= QUALITY_CRITICAL and z > K_CRITICAL,
        effect > QUALITY_DELTA / 2, "drop" if breached else "steady", causes(real_before, real_after, share),
        explainers=(considered,),
    )  # fmt: skip
