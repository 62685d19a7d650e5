"""Values converted before they are compared (`as`): text to a number or a boolean, a date to an instant.

A value that already has the right type stays unchanged; a value that cannot be converted is missing.
"""

import math
import re
from typing import Any, Final

from etapa.journey.language.matching.matches import Conversion
from etapa.journey.language.matching.value_tests import MISSING
from etapa.journey.localtime.dates import Moment, read_date
from etapa.journey.localtime.zone import Zone
from etapa.journey.units import DAY

_NUMBER: Final = re.compile(r" *(-?(?:0|[1-9][0-9]*)((?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?)) *")
"""JSON's grammar of numbers (RFC 8259, section 6), with blanks around it."""
_LONGEST_INTEGER: Final = 20
"""Characters of the longest 64-bit integer, including its sign."""
_SMALLEST: Final = -(2**63)
_LARGEST: Final = 2**63 - 1


def converted(value: Any, conversion: Conversion, zone: Zone) -> Any:
    """`value` as a number, a boolean, or an instant (microseconds since 1970); `MISSING` if it cannot be converted.

    `zone`: the zone whose midnight begins a date without a time.
    """
    if conversion == "number":
        return as_number(value)
    return as_boolean(value) if conversion == "boolean" else as_instant(value, zone)


def as_number(value: Any) -> Any:
    """The number in a text, as a JSON decoder reads it: 64-bit integers exactly, all others as the nearest double."""
    if isinstance(value, str):
        found = _NUMBER.fullmatch(value)
        if found is None:
            return MISSING
        digits: str = found[1]
        if not found[2] and len(digits) <= _LONGEST_INTEGER:
            integer = int(digits)
            if _SMALLEST <= integer <= _LARGEST:
                return integer
        double = float(digits)
        return double if math.isfinite(double) else MISSING
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else MISSING


def as_boolean(value: Any) -> Any:
    """The boolean in the text `true` or `false`."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return True if value == "true" else False if value == "false" else MISSING
    return MISSING


def as_instant(value: Any, zone: Zone) -> Any:
    """The instant of an RFC 3339 date or date-time, in microseconds since 1970; a date is its midnight in `zone`."""
    moment = read_date(value)
    return MISSING if moment is None else instant_of(moment, zone)


def instant_of(moment: Moment, zone: Zone) -> int:
    """The instant of a moment; a day without a time is its midnight in `zone`."""
    return zone.instant(moment.day * DAY) if moment.instant is None else moment.instant
