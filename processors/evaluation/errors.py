"""Errors of the evaluation."""

from __future__ import annotations


class EvaluationError(Exception):
    """What was handed in cannot be judged: one line per problem, each naming file, line and field."""
