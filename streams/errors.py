"""Errors of the streams package.

::

    RapportError                 exit 1
    ├── SettingsError            exit 2   a setting is wrong; says which and what it may be
    ├── InputError               exit 2   what was handed in (a file, an argument) cannot be used
    ├── NotFoundError            exit 1   no such partnership, influencer, record
    └── UnavailableError         exit 1   something outside did not answer in time
        ├── BrokerUnavailableError        Kafka
        └── StoreUnavailableError         Redis

Errors of single modules (`streams.embedded`, …) derive from `RapportError` where they live.
"""

from __future__ import annotations

from typing import ClassVar


class RapportError(Exception):
    """Base of everything that Rapport raises on purpose.

    The text is one plain sentence for people; `hint` says what to do about it, where we know.
    The command line prints both and leaves with `exit_code`. From Python:

    ```python
    try:
        totals = await reader.totals()
    except RapportError as error:
        print(f"Rapport could not answer: {error}")
    ```
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


class SettingsError(RapportError):
    """A setting is wrong. `problems`: one plain line for each, with the setting's name and what it may be."""

    exit_code: ClassVar[int] = 2

    def __init__(self, problems: list[str], *, hint: str | None = None) -> None:
        super().__init__("\n".join(problems), hint=hint)
        self.problems = problems


class InputError(RapportError):
    """A file or an argument that was handed in cannot be used."""

    exit_code: ClassVar[int] = 2


class NotFoundError(RapportError):
    """What was asked for is not there."""


class UnavailableError(RapportError):
    """Something outside did not answer in time."""


class BrokerUnavailableError(UnavailableError):
    """Kafka did not answer in time."""


class StoreUnavailableError(UnavailableError):
    """Redis did not answer in time."""
