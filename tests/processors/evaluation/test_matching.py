"""Alerts against the truth."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from processors.evaluation.drive import Alert
from processors.evaluation.inputs import Truth
from processors.evaluation.matching import ALSO, FALSE, REPEAT, TRUE, UNSCORED, match

HOUR = 3_600.0
DAY = 24 * HOUR


def truth(
    onset=10 * DAY, *, end=2 * DAY, allowed=DAY, name="i", kind="burst", signals=("authenticity",), also=()
):
    return Truth(name, "ann", kind, signals, also, onset, onset + end, allowed)


def alert(at, signal="authenticity", subject=""):
    return Alert(at, "ann", signal, "drop", subject)


def verdicts(alerts, lines):
    return [judged.verdict for judged in match(alerts, lines).judged]


def test_an_alert_between_onset_and_the_end_of_the_allowed_delay_is_true():
    for delay, verdict in ((-1, FALSE), (0, TRUE), (DAY, TRUE)):
        assert verdicts([alert(10 * DAY + delay)], [truth()]) == [verdict]


def test_after_the_allowed_delay_an_incident_is_missed_and_the_alert_is_not_false_too():
    found = match([alert(10 * DAY + DAY + 1)], [truth()])
    assert [j.verdict for j in found.judged] == [REPEAT]
    assert found.incidents[0].alert is None


def test_after_the_end_it_is_false():
    assert verdicts([alert(12 * DAY + 1)], [truth()]) == [FALSE]


def test_further_alerts_are_repeats_and_signals_that_may_move_too_are_neither():
    lines = [truth(signals=("authenticity", "interaction_quality"), also=("audience_fit",))]
    alerts = [
        alert(10 * DAY + 1),
        alert(10 * DAY + 2, "interaction_quality"),
        alert(10 * DAY + 3, "audience_fit"),
    ]
    assert verdicts(alerts, lines) == [TRUE, REPEAT, ALSO]


def test_another_signal_within_an_incident_is_false_and_wrong():
    (judged,) = match([alert(10 * DAY + 1, "connection")], [truth()]).judged
    assert judged.verdict == FALSE and judged.wrong_signal


def test_health_is_not_scored():
    assert verdicts([alert(10 * DAY, "health")], [truth()]) == [UNSCORED]


def test_alerts_of_one_signal_within_a_day_count_as_one():
    alerts = [alert(0.0), alert(HOUR), alert(DAY), alert(DAY + 1), alert(HOUR, "connection")]
    judged = match(alerts, []).judged
    assert [j.merged for j in judged] == [False, True, False, True, False]


def test_two_incidents_close_together_are_both_found_though_their_alerts_are_a_day_apart_at_most():
    lines = [truth(name="a"), truth(onset=10 * DAY + HOUR, name="b")]
    found = match([alert(10 * DAY + 2 * HOUR), alert(10 * DAY + 3 * HOUR)], lines)
    assert all(one.alert is not None for one in found.incidents)
    assert not any(judged.merged for judged in found.judged)


def test_the_incident_whose_delay_ends_first_is_taken_first():
    lines = [truth(name="long", allowed=9 * DAY), truth(name="short", onset=10 * DAY + HOUR, allowed=DAY)]
    found = match([alert(10 * DAY + 2 * HOUR), alert(15 * DAY)], lines)
    assert [one.alert.at for one in found.incidents] == [15 * DAY, 10 * DAY + 2 * HOUR]


def test_a_negative_is_alerted_by_a_false_alert_of_any_signal_within_it():
    line = truth(kind="negative:viral_post", signals=())
    hit = match([alert(11 * DAY, "connection")], [line])
    assert hit.negatives == [(line, True)] and hit.judged[0].incident == line
    assert match([alert(13 * DAY)], [line]).negatives == [(line, False)]


@given(
    st.lists(
        st.tuples(st.floats(0, 40 * DAY), st.sampled_from(["authenticity", "connection", "health"])),
        max_size=30,
    ),
    st.lists(st.tuples(st.floats(0, 30 * DAY), st.floats(0, 9 * DAY), st.floats(0, 9 * DAY)), max_size=8),
)
def test_whatever_rings_each_incident_is_found_once_and_the_order_of_alerts_does_not_matter(rings, spans):
    lines = [truth(a, end=e, allowed=d, name=str(n)) for n, (a, e, d) in enumerate(spans)]
    alerts = [alert(at, signal, str(n)) for n, (at, signal) in enumerate(rings)]
    found = match(alerts, lines)
    assert len(found.judged) == len(alerts)
    true = [j.incident.incident for j in found.judged if j.verdict == TRUE]
    assert len(true) == len(set(true)) == sum(one.alert is not None for one in found.incidents)
    assert all(0 <= one.delay_s <= one.truth.allowed_s for one in found.incidents if one.alert)
    again = match(alerts[::-1], lines)
    assert [j.verdict for j in again.judged] == [j.verdict for j in found.judged]
