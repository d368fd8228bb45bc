"""What all records share: the base model and the field types with their limits."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Final, Literal

import msgspec
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    Strict,
    StringConstraints,
)
from pydantic_core import PydanticCustomError

ID_MAX: Final = 256
TEXT_MAX: Final = 10_000
#: Largest integer that every JSON reader keeps exact.
INT_MAX: Final = 2**53 - 1
EVENT_BYTES_MAX: Final = 64 * 1024
EXTRA_BYTES_MAX: Final = 4 * 1024
NESTING_MAX: Final = 16
#: No event is older than the networks that it comes from.
EARLIEST: Final = dt.datetime(2004, 1, 1, tzinfo=dt.UTC)

_AwareTime = Annotated[dt.datetime, msgspec.Meta(tz=True)]


def parse_time(value: Any) -> dt.datetime:
    """A time with an offset from RFC 3339 text, or an aware datetime as it is.

    Both ways to read an event go through msgspec's parser, so they cannot differ. Raises PydanticCustomError
    (`time`) for numbers, naive times, and anything else.
    """
    if isinstance(value, dt.datetime):
        if value.tzinfo is None:
            raise PydanticCustomError("time", "time has no offset: give one, as in 2026-11-22T10:15:30Z")
        return value
    if not isinstance(value, str):
        raise PydanticCustomError(
            "time", "should be a time in RFC 3339 as text with an offset, as in 2026-11-22T10:15:30Z"
        )
    try:
        return msgspec.convert(value, _AwareTime)
    except msgspec.ValidationError as error:
        why = "has no offset" if "timezone" in str(error) else "is not a time in RFC 3339"
        raise PydanticCustomError("time", f"{why}: should be like 2026-11-22T10:15:30Z") from None


def _not_too_early(value: dt.datetime) -> dt.datetime:
    if value < EARLIEST:
        raise PydanticCustomError("clock", "lies before 2004: is the unit (s, ms) or the zone wrong?")
    return value


def parse_date(value: Any) -> dt.date:
    """A calendar day from `2026-11-22`, or a date as it is (YAML gives dates)."""
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        return value
    try:
        return msgspec.convert(value, dt.date)
    except (msgspec.ValidationError, TypeError):
        raise PydanticCustomError("date", "should be a day like 2026-11-22") from None


def _whole_number(value: Any) -> Any:
    # Python holds True and 1.0 for equal to 1; the contract does not.
    if type(value) is not int:
        raise PydanticCustomError("version", "should be a whole number")
    return value


Text = Annotated[str, Strict()]
#: An identifier: 1 to 256 characters.
Id = Annotated[str, Strict(), StringConstraints(min_length=1, max_length=ID_MAX)]
#: A whole number, not negative; text, fractions and booleans are refused.
Count = Annotated[int, Strict(), Field(ge=0, le=INT_MAX)]
Flag = Annotated[bool, Strict()]
#: A finite number; text and booleans are refused.
Number = Annotated[float, Strict(), Field(allow_inf_nan=False)]
#: A number from 0 to 1.
Share = Annotated[float, Strict(), Field(ge=0, le=1, allow_inf_nan=False)]
#: RFC 3339 text with an offset in JSON, an aware datetime in Python.
Time = Annotated[dt.datetime, BeforeValidator(parse_time)]
#: When something happened: a `Time` not before 2004.
EventTime = Annotated[Time, AfterValidator(_not_too_early)]
#: A calendar day, `2026-11-22` in JSON.
Day = Annotated[dt.date, BeforeValidator(parse_date)]
#: Version of a record's layout; 1 is all that there is.
SchemaVersion = Annotated[Literal[1], BeforeValidator(_whole_number)]
#: Lists name their first bad item only: 30,000 errors would help nobody and cost much.
Texts = Annotated[list[Text], Field(fail_fast=True)]


class Record(BaseModel):
    """Base of every record and of its parts: immutable, tolerant of fields that it does not know.

    Unknown fields are kept (`model_extra`): a reader of today reads what a writer of tomorrow sends.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="allow",
        use_attribute_docstrings=True,
        validate_by_name=True,
        validate_by_alias=True,
    )
