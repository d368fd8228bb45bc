"""Detection: from scores to verdicts, from verdicts to alert transitions, from transitions to messages.

Signatures:
    judge(signal: str, score: Score, inp: SignalInput) -> Verdict                  (drop.py)
    RULES: tuple[tuple[str, str], ...]   (signal, rule) in order, health last      (drop.py)
    advance(state: AlertState, verdict: Verdict, at: int) -> tuple[AlertState, tuple[Transition, ...]]
    AlertState.new(partnership_id, signal, rule); encode_state / decode_state      (lifecycle.py)
    inhibited(signal: str, states: Mapping[str, AlertState]) -> bool               (lifecycle.py)
    build(transition, verdict, score, inp, ...) -> dict[str, Any]                  (message.py)
"""
