"""Judging detection: labelled events through the live path, alerts against the truth.

judge.judge(paths, ...) -> Verdicts        a directory: events, partnerships, truth
measures.summary(units) -> dict            the numbers of `--json`
accounts, comments, series                 the other forms of `rapport evaluate`
"""
