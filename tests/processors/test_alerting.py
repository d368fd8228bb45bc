"""One boundary under live and shadow rules: judged once, told once; a crash at any fence repeats nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors import alerting
from processors.alerting import SHADOW, Round, Side, compared, firing, forget, sides_of
from processors.detection.lifecycle import INACTIVE, Transition
from processors.detection.look import Look
from processors.detection.registry import Detector, EventDetector
from processors.detection.verdict import Verdict
from processors.influencer import Influencer
from processors.panes import HOUR
from processors.rules.book import RuleBook
from processors.scores import Score
from schemas.rules import RulesFile
from schemas.yamlfile import load_yaml
from tests.processors.builders import NOW, partnership, signal_input

PID = "acme--ann"
KEY = ("connection", "drop", "")
STRICT = "defaults: {connection.drop: {for: 3h, min_effect: 50%}, custom: {low: audience_fit below 40 for 0}}"


def rules(text: str) -> RuleBook:
    return RuleBook(load_yaml(text, RulesFile, name="r"))


@dataclass
class World:
    """An influencer, scripted verdicts, and what was told; `store` is what lies behind the fence."""

    script: dict[int, float]
    live: RuleBook = field(default_factory=RuleBook)
    shadow: RuleBook | None = None
    store: dict[bytes, bytes] = field(default_factory=dict)
    told: list[tuple[str, str, str]] = field(default_factory=list)
    pending: list[tuple[str, str, str]] = field(default_factory=list)
    asked: int = 0
    events: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.inf = Influencer("x:ann")

    def judge(self, look: Look) -> Verdict:
        self.asked += 1
        effect = self.script.get(look.inp.at, 0.0)
        breached = effect <= -0.3
        return Verdict("connection", "drop", breached, not breached, "critical" if breached else None, True,
                       "drop" if breached else "steady", effect, evidence_needed=0)  # fmt: skip

    def single(self, look: Look) -> list[Verdict]:
        return [Verdict("all_in", "event", True, False, "critical", True, "undisclosed", subject=name,
                        evidence_needed=0) for name in self.events]  # fmt: skip

    def step(self, at: int, fit: float = 60.0, quiet: bool = False) -> None:
        mine = partnership()
        score = Score(fit, 100.0, fit - 5, fit + 5, 60.0, "D7")
        look = Look(signal_input(at=at, partnership=mine), known={"audience_fit": score})
        beside = None if self.shadow is None else self.shadow.rules(mine)
        sides = sides_of(self.inf, PID, self.live.rules(mine), beside)

        def tell(side: Side, transition: Transition, verdict: Verdict, look: Look) -> None:
            line: dict[str, Any] = compared(side, transition, verdict, mine)
            self.pending.append((line["set"], line["transition_id"], f"{verdict.subject}:{line['state']}"))

        Round(self.inf, look, at, sides, quiet, tell).run()

    def fence(self) -> None:
        """State and transitions go together."""
        sets, gone, _, _ = self.inf.writes()
        for name, value in zip(sets[::2], sets[1::2], strict=True):
            self.store[str(name).encode()] = value  # type: ignore[assignment]
        for name in gone:
            self.store.pop(name.encode(), None)
        self.told += self.pending
        self.pending = []

    def crash(self) -> None:
        """Memory is lost; a new worker starts from what was written."""
        self.inf = Influencer.load("x:ann", dict(self.store), b"")
        self.pending = []

    def states(self, which: str = "live") -> list[str]:
        return [what for name, _, what in self.told + self.pending if name == which]


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    made = World({})
    install(monkeypatch, made)
    return made


def install(monkeypatch: pytest.MonkeyPatch, made: World) -> None:
    monkeypatch.setattr(alerting, "DETECTORS", (Detector(*KEY, lambda look: made.judge(look)),))
    events = EventDetector("all_in", lambda look: made.single(look), HOUR, "brand")
    monkeypatch.setattr(alerting, "EVENTS", (events,))


def test_both_sides_hear_one_verdict_and_keep_states_of_their_own(world: World) -> None:
    world.shadow = rules(STRICT)
    world.script = {NOW + i * HOUR: -0.4 if i < 3 else -0.8 for i in range(9)}
    for at in world.script:
        world.step(at)
    assert world.asked == 9
    assert world.states() == [":pending", ":firing"]
    assert world.states("shadow") == [":pending", ":firing"]
    assert firing(world.inf) == 1  # shadows do not count
    ids = {name: {i for n, i, _ in world.pending if n == name} for name in ("live", "shadow")}
    assert not ids["live"] & ids["shadow"]  # it began later there


def test_the_same_rules_beside_give_the_same_transitions(world: World) -> None:
    world.shadow = RuleBook()
    world.script = {NOW + i * HOUR: (-0.8 if i % 7 < 3 else 0.0) for i in range(30)}
    for at in world.script:
        world.step(at)
    assert world.states() and world.states() == world.states("shadow")
    live = [i for name, i, _ in world.pending if name == "live"]
    assert live == [i for name, i, _ in world.pending if name == "shadow"]


def test_a_rule_that_is_switched_off_ends_its_alert_once(world: World) -> None:
    world.script = {NOW + i * HOUR: -0.8 for i in range(9)}
    world.step(NOW)
    world.step(NOW + HOUR)
    assert firing(world.inf) == 1
    world.live = rules("defaults: {connection: off}")
    asked = world.asked
    for i in range(2, 6):
        world.step(NOW + i * HOUR)
    assert world.asked == asked
    assert world.states() == [":pending", ":firing", ":resolved"]
    world.live = RuleBook()
    world.step(NOW + 6 * HOUR)
    assert world.states()[-1] == ":pending"


def test_a_limit_comes_and_goes_with_its_rule(world: World) -> None:
    world.live = rules(STRICT)
    world.step(NOW, fit=30.0)
    assert world.states() == ["low:pending", "low:firing"]
    world.step(NOW + 300, fit=30.0)  # looks by the hour
    world.step(NOW + HOUR, fit=30.0)
    world.live = RuleBook()
    world.step(NOW + 2 * HOUR, fit=30.0)
    world.step(NOW + 3 * HOUR, fit=30.0)
    assert world.states() == ["low:pending", "low:firing", "low:resolved"]
    assert not [name for name in world.inf.alerts if name.endswith("low")]


def test_single_things_can_be_switched_off_and_are_told_once(world: World) -> None:
    world.events = ("post",)
    from processors.ledgers import BY_NAME

    world.inf.ledger(BY_NAME["brand"])
    world.step(NOW)
    world.step(NOW + HOUR)
    assert world.states() == ["post:pending", "post:firing"]
    world.live = rules("defaults: {all_in.event: off}")
    world.step(NOW + 2 * HOUR)
    world.step(NOW + 3 * HOUR)
    assert world.states() == ["post:pending", "post:firing", "post:resolved"]
    assert not world.inf.alerts


def test_nothing_is_left_of_a_shadow_that_is_gone(world: World) -> None:
    world.shadow = RuleBook()
    world.script = {NOW: -0.8}
    world.step(NOW)
    world.fence()
    assert any(name.startswith(b"al:" + SHADOW.encode()) for name in world.store)
    world.crash()
    world.shadow = None
    world.step(NOW + HOUR)
    world.fence()
    assert not any(name.startswith(b"al:" + SHADOW.encode()) for name in world.store)
    forget(world.inf, PID)
    assert not world.inf.alerts


def test_an_ended_partnership_takes_its_shadow_along(world: World) -> None:
    world.shadow = RuleBook()
    world.script = {NOW: -0.8}
    world.step(NOW)
    assert len(world.inf.alerts) == 2
    world.inf.forget_alerts(PID)
    assert not world.inf.alerts and not world.inf.states


def test_a_silent_source_mutes_both(world: World) -> None:
    world.shadow = RuleBook()
    world.script = {NOW: -0.8}
    world.step(NOW, quiet=True)
    assert not world.pending


hours = st.lists(
    st.tuples(st.sampled_from([0.0, -0.2, -0.4, -0.9]), st.sampled_from([60.0, 30.0, 41.0]),
              st.sampled_from(["go", "go", "fence", "crash"])),
    min_size=1, max_size=40,
)  # fmt: skip


@settings(max_examples=120, deadline=None)
@given(hours)
def test_a_crash_at_any_fence_repeats_and_loses_no_transition(story: list[tuple[float, float, str]]) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        script = {NOW + i * HOUR: effect for i, (effect, _, _) in enumerate(story)}
        fits = {NOW + i * HOUR: fit for i, (_, fit, _) in enumerate(story)}
        calm = World(script, rules(STRICT), RuleBook())
        install(monkeypatch, calm)
        for at in script:
            calm.step(at, fits[at])
        calm.fence()
        rough = World(script, rules(STRICT), RuleBook())
        install(monkeypatch, rough)
        fenced, i, crashes = 0, 0, 0
        while i < len(story):
            at = NOW + i * HOUR
            rough.step(at, fits[at])
            i += 1
            if story[i - 1][2] == "fence":
                rough.fence()
                fenced = i
            elif story[i - 1][2] == "crash" and crashes < 6:
                crashes += 1
                rough.crash()
                i = fenced
        rough.fence()
        assert rough.told == calm.told
        assert len({(which, number) for which, number, _ in calm.told}) == len(calm.told)
        left = {name: state for name, state in rough.inf.states[PID].items() if state.state != INACTIVE}
        assert left == {n: s for n, s in calm.inf.states[PID].items() if s.state != INACTIVE}
