"""What holds whatever happens: nothing untold, nothing doubled, in order, through crashes."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from processors.notify.state import Path
from schemas import Alert, Notification
from tests.processors.notify.house import INTERVAL, NOTHING, PATH, T0, House, ids, transition

SIGNALS = ("authenticity", "connection", "health", "all_in")
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("fire"), st.integers(0, 7)),
        st.tuples(st.just("rise"), st.integers(0, 7)),
        st.tuples(st.just("blind"), st.integers(0, 7)),
        st.tuples(st.just("resolve"), st.integers(0, 7)),
        st.tuples(st.just("again"), st.integers(0, 7)),
        st.tuples(st.just("pass"), st.sampled_from((1, 31))),
        st.tuples(st.just("pass"), st.sampled_from((301, 3_700))),
        st.tuples(st.just("crash"), st.booleans()),
    ),
    min_size=12,
    max_size=60,
)


class World(House):
    """Alerts whose states follow the life cycle, of two partnerships of one influencer."""

    def __init__(self, *paths: Path) -> None:
        super().__init__(*paths)
        self.now = T0
        self.steps = 0
        self.state: dict[int, str] = {}
        self.episode: dict[int, int] = {}
        self.fired_at: dict[str, float] = {}
        self.last: Alert | None = None

    def do(self, what: str, which: int) -> None:
        if what == "pass":
            left = float(which)
            while left > 0:
                step = min(left, 10.0)
                self.after(step)
                self.save()
                left -= step
            return
        if what == "again":
            if self.last is not None:
                self.take(self.last)
            return
        now = self.state.get(which, "resolved")
        state = {"fire": "firing", "rise": "firing", "blind": "no_data", "resolve": "resolved"}[what]
        if what != "fire" and now == "resolved":
            return
        if what == "fire" and now == "resolved":
            self.episode[which] = self.episode.get(which, 0) + 1
        self.steps += 1
        self.state[which] = (
            "critical" if what == "rise" or (now == "critical" and state == "firing") else state
        )
        severity = "critical" if self.state[which] == "critical" else "warning"
        alert = transition(
            f"{which}.{self.episode[which]}", state, self.steps, signal=SIGNALS[which % 4],
            partnership=f"acme--{which // 4}", severity=severity,
        )  # fmt: skip
        if state == "firing":
            self.fired_at.setdefault(alert.alert_id, self.now)
        elif state == "resolved":
            self.fired_at.pop(alert.alert_id, None)
        self.last = alert
        self.take(alert)


@settings(max_examples=80, deadline=None)
@given(STEPS)
def test_whatever_happens_nothing_is_untold_doubled_or_out_of_order(steps: list[tuple[str, int]]) -> None:
    world = World(PATH, Path("all", "pager", (), 10.0, 60.0, 600.0))
    for what, which in steps:
        if what == "crash":
            world.save()
            world.crash()
        else:
            world.do(what, which)
    world.do("pass", 2 * int(INTERVAL) + 60)
    # 1. whatever fires for long enough and nothing keeps silent was told (as itself, or as another's `also`)
    firing = {held.alert_id: held for held in world.engine.alerts.values() if held.state == "firing"}
    for alert_id, held in firing.items():
        if world.engine._index.inhibited(held, NOTHING):
            continue
        for receiver in ("mail", "pager"):
            told = [n for n in world.told if n.receiver == receiver]
            known = {one for n in told for one in ids(n)}
            also = {
                (alert.signal, name)
                for n in told
                for alert in n.alerts
                for name in n.also.get(alert.alert_id, ())
            }
            by_other = {
                (held.signal, other.partnership_id) for n in told for other in n.alerts
                if other.signal == held.signal and held.concern is not None
            }  # fmt: skip
            assert alert_id in known or (held.signal, held.partnership) in also or by_other, (
                receiver,
                alert_id,
            )
    # 2. never the same id with another body
    bodies: dict[str, Notification] = {}
    for n in world.told:
        assert n.notification_id not in bodies, (n, bodies[n.notification_id])
        bodies[n.notification_id] = n
    # 3. in order: of one alert the states that a receiver sees never go back, and nothing follows its end
    seen: dict[tuple[str, str], Alert] = {}
    for n in world.told:
        for alert in n.alerts:
            before = seen.get((n.group_key, alert.alert_id))
            assert before is None or (before.at <= alert.at and before.state != "resolved")
            assert before is not None or alert.state != "resolved", "the end of what was never told"
            seen[n.group_key, alert.alert_id] = alert


@settings(max_examples=80, deadline=None)
@given(STEPS, st.integers(0, 40))
def test_a_crash_at_any_step_neither_loses_nor_invents_a_decision(
    steps: list[tuple[str, int]], crash_at: int
) -> None:
    calm, hurt = World(), World()
    for number, (what, which) in enumerate(steps):
        if what == "crash":
            continue
        for world in (calm, hurt):
            world.do(what, which)
            world.save()
        if number == crash_at or number % 7 == crash_at % 7:
            hurt.crash()
    for world in (calm, hurt):
        world.do("pass", 2 * int(INTERVAL))

    def told(world: World) -> set[tuple[str, str, str]]:
        """Each change of each alert that was told; reminders, whose time may differ by an interval, apart."""
        return {
            (n.receiver, alert.transition_id, alert.state)
            for n in world.told
            if n.why != "repeat_interval"
            for alert in n.alerts
        }

    assert told(hurt) == told(calm)
