"""One alert as text for a terminal. Pure: values in, a picture out; foreign text is made harmless."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.text import Text

from streams.board import clean_state, state_style, when
from streams.text import safe

if TYPE_CHECKING:
    from schemas import Alert
    from schemas.acts import Act
    from streams.alert_view import AlertView

_MOST_EVIDENCE = 10


def picture(view: AlertView, acts: Sequence[Act], moves: Sequence[Alert] | None) -> Text:
    """The alert whole; `moves`: its transitions, None where they were not asked for."""
    return Text("\n").join(_lines(view, acts, moves))


def _lines(view: AlertView, acts: Sequence[Act], moves: Sequence[Alert] | None) -> Iterator[Text]:
    alert = view.alert
    word = alert.severity if alert.state == "firing" else alert.state.replace("_", " ")
    yield Text.assemble(
        (clean_state(word), state_style(alert.state)), "  ",
        safe(alert.partnership_id or "operations", "bold"), "  ", safe(alert.summary, limit=1_000),
    )  # fmt: skip
    if alert.advice:
        yield safe(f"what usually helps: {alert.advice}", "dim", 1_000)
    yield Text()
    yield _row("id", alert.alert_id)
    about = f" ({alert.subject})" if alert.subject else ""
    yield _row("signal", f"{alert.signal.replace('_', ' ')}, rule {alert.rule}{about}")
    yield _row(
        "since",
        when(alert.started_at) + (f", resolved {when(alert.resolved_at)}" if alert.resolved_at else ""),
    )
    if alert.value is not None:
        change = f" ({alert.change:+.0%})" if alert.change is not None else ""
        before = f", before {alert.baseline:.1f}{change}" if alert.baseline is not None else ""
        yield _row("value", f"{alert.value:.1f}{before}")
    if alert.lo is not None and alert.hi is not None:
        yield _row("interval", f"{alert.lo:.1f} to {alert.hi:.1f} (95 %)")
    if alert.n is not None:
        yield _row("rests on", f"{alert.n:g} acts in {alert.window or 'its window'}")
    for cause in alert.cause:
        numbers = f"{_number(cause.before)} → {_number(cause.after)}"
        pull = f", pulls {cause.pull:+.2f}" if cause.pull is not None else ""
        yield _row("cause", f"{cause.part.replace('_', ' ')}: {numbers}{pull}")
    ids = alert.evidence.event_ids
    if ids or alert.evidence.actors is not None:
        shown = ", ".join(ids[:_MOST_EVIDENCE]) + (
            f" and {len(ids) - _MOST_EVIDENCE} more" if len(ids) > _MOST_EVIDENCE else ""
        )
        actors = f"{alert.evidence.actors} actors" if alert.evidence.actors is not None else ""
        yield _row("evidence", "; ".join(part for part in (actors, shown) if part))
    for item in alert.explainers:
        verdict = "accounts for it" if item.accepted else "does not account for it"
        yield _row(
            "considered", f"{item.kind.replace('_', ' ')}: {verdict}" + (f" ({item.why})" if item.why else "")
        )
    if view.ack is not None:
        yield _row("acknowledged", f"by {view.ack.by}, {when(view.ack.at)}" + _why(view.ack.note))
    if view.silence is not None:
        yield _row(
            "silenced",
            f"until {when(view.silence.ends_at)} by {view.silence.created_by}" + _why(view.silence.comment),
        )
    if view.wrong is not None:
        yield _row("wrong", f"marked by {view.wrong.by}, {when(view.wrong.at)}" + _why(view.wrong.note))
    for move in moves or ():
        before, after = ((move.previous_state or "").replace("_", " "), move.state.replace("_", " "))
        yield _row("history", f"{when(move.at)}  {before} → {after}, {move.severity}")
    for act in acts:
        yield _row("act", f"{when(act.at)}  {act.verb} by {act.by}" + _why(act.note))
    for name, link in alert.links.items():
        yield _row(name, link)


def _row(name: str, value: str) -> Text:
    found = safe(f"{name:<13}", "dim", 13)
    found.pad_right(max(0, 14 - len(found.plain)))
    found.append_text(safe(value, limit=1_000))
    return found


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3g}"


def _why(note: str | None) -> str:
    return f": {note}" if note else ""
