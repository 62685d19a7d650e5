"""Reads values as numbers, booleans and dates, from the definitions, with the standard library: the forms that the made-up journeys use."""

import json
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tests.reference.local_time import EPOCH, instant, read_date

NUMERALS = set("0123456789+-.eE")


def read_as(conversion: str | None, value: Any, zone: ZoneInfo) -> Any:
    match conversion:
        case "number":
            return number(value)
        case "boolean":
            return value if isinstance(value, bool) else {"true": True, "false": False}.get(value) if isinstance(value, str) else None
        case "date":
            read = read_date(value)
            return None if read is None else moment(read, zone)
        case _:
            return value


def number(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if not isinstance(value, str):
        return value
    text = value.strip(" ")
    try:
        found = json.loads(text) if set(text) <= NUMERALS else None
    except ValueError:
        return None
    if isinstance(found, int) and not -(2**63) <= found < 2**63:
        found = float(text)
    return None if found in (float("inf"), float("-inf")) else found


def moment(read: datetime, zone: ZoneInfo) -> int:
    return instant(read, zone) if read.tzinfo is None else (read - EPOCH) // timedelta(microseconds=1)


def operand_as(conversion: str | None, operand: Any, zone: ZoneInfo) -> Any:
    """The operand that such a value is compared with."""
    if conversion == "date" and isinstance(operand, tuple):
        return tuple(operand_as(conversion, each, zone) for each in operand)
    return read_as("date", operand, zone) if conversion == "date" and isinstance(operand, str) else operand
