"""Errors of the generator.

::

    ScenarioError(ValueError)   a scenario cannot be read or does not make sense
"""

from __future__ import annotations


class ScenarioError(ValueError):
    """A scenario cannot be used; the text names the file, the field and what it may be."""
