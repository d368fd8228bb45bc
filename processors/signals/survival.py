"""Time until a comment is answered, with censoring: `exposure_of(panes, at)`, `answered_by(exposure)`.

Discrete Kaplan-Meier (life table) over the bins of LATENCY_EDGES: hazard h_i = d_i / R_i, share answered by
edge i F_i = 1 - prod_{j<=i} (1 - h_j). A comment younger than a bin's upper edge is censored before that bin,
so that fresh comments don't look unanswered. Variance by Greenwood (1926); where nothing or everything was
answered it is 0 and says nothing, so the effective n falls back on the comments at risk.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from processors.panes import ANSWERABLE, ANSWERED, LATENCY_EDGES, N_LATENCY, Pane
from processors.signals.inputs import Exposure


def exposure_of(panes: Iterable[tuple[int, Pane]], at: int) -> Exposure:
    """Exposure of the comments of some panes at time `at` (epoch s).

    `panes`: (end of the pane, pane): answers are booked in the pane of the comment, so a pane is a cohort. A
    pane's comments are as young as its end, which errs on the side of censoring.
    """
    at_risk = [0] * N_LATENCY
    answered = [0] * N_LATENCY
    comments = 0
    for end, pane in panes:
        waiting = pane[ANSWERABLE]
        if not waiting:
            continue
        comments += waiting
        age = at - end
        for i, edge in enumerate(LATENCY_EDGES):
            if age < edge or waiting <= 0:
                break
            done = min(pane[ANSWERED + i], waiting)
            at_risk[i] += waiting
            answered[i] += done
            waiting -= done
    return Exposure(tuple(at_risk), tuple(answered), comments)


def answered_by(exposure: Exposure) -> tuple[list[float], float]:
    """(F, n): share answered within each of LATENCY_EDGES, and the effective number of comments at 48 h.

    F never falls and lies in [0, 1]. n = F (1 - F) / Var by Greenwood, at most the comments at risk in the
    first bin; 0 when no comment is old enough for the first bin.
    """
    open_share = 1.0
    variance = 0.0
    curve: list[float] = []
    at_risk = exposure.at_risk
    for risk, done in zip(at_risk, exposure.answered, strict=True):
        if risk > 0 and done > 0:
            open_share *= 1 - done / risk
            if risk > done:
                variance += done / (risk * (risk - done))
        curve.append(1 - open_share)
    if at_risk[0] <= 0:
        return curve, 0.0
    share = curve[-1]
    if 0 < share < 1 and variance > 0:
        return curve, min(float(at_risk[0]), share / (open_share * variance))
    return curve, float(at_risk[-1] or at_risk[0] / 4)


def expected_answers(exposure: Exposure, curve: Sequence[float]) -> float:
    """Answers that a reference curve F would have given to the comments of the window by now.

    Sum over bins of the comments exposed to the bin times F_i - F_(i-1); the exposed are those at risk plus
    those answered before.
    """
    before = expected = 0.0
    done = 0
    for risk, answered, share in zip(exposure.at_risk, exposure.answered, curve, strict=True):
        expected += min(risk + done, exposure.comments) * (share - before)
        done += answered
        before = share
    return expected


def latency_quantile(curve: Sequence[float], share: float) -> float:
    """Seconds by which `share` of those who will be answered within 48 h are, log-linear within a bin.

    `curve`: F as of `answered_by` with F_48h > 0; 0 < share <= 1.
    """
    goal = share * curve[-1]
    before, start = 0.0, 60.0  # latencies under a minute are of no interest: the first bin begins there
    for reached, edge in zip(curve, LATENCY_EDGES, strict=True):
        if reached >= goal and reached > before:
            part = (goal - before) / (reached - before)
            return float(start * (edge / start) ** part) if part > 0 else start
        before, start = reached, float(edge)
    return float(LATENCY_EDGES[-1])
