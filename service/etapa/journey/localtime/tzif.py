"""Reading zone data files: transitions, and the rule that applies after the last one (RFC 8536)."""

import re
import struct
from typing import Final, NamedTuple

from etapa.journey.localtime.civil import day_in_month, day_number, month_start, weekday
from etapa.journey.units import DAY, SECOND

_HEADER: Final = struct.Struct(">4sc15x6I")
_RULE: Final = re.compile(
    r"(?:[A-Za-z]{3,}|<[^>]+>)([+-]?[0-9:]+)"
    r"(?:(?:[A-Za-z]{3,}|<[^>]+>)([+-]?[0-9:]+)?,([JM0-9.]+)(?:/([+-]?[0-9:]+))?,([JM0-9.]+)(?:/([+-]?[0-9:]+))?)?"
)
_LAST_WEEK: Final = 5


class ZoneData(NamedTuple):
    """`offsets` has one more item than `times`: the first applies before the first transition. In microseconds; east is positive."""

    times: list[int]
    offsets: list[int]
    rule: "YearlyRule | None"


class YearlyRule(NamedTuple):
    """Summer time that begins and ends every year."""

    standard: int
    summer: int
    begins: "RuleDay"
    ends: "RuleDay"

    def transitions(self, year: int) -> list[tuple[int, int]]:
        """The two transitions of a year: the instant, and the offset from then on."""
        begins = self.begins.day(year) * DAY + self.begins.time - self.standard
        ends = self.ends.day(year) * DAY + self.ends.time - self.summer
        return sorted([(begins, self.summer), (ends, self.standard)])


class RuleDay(NamedTuple):
    """A day of every year: `M3.2.0`, `J79` (29 February not counted) or `78` (counted); and the local time of day."""

    text: str
    time: int

    def day(self, year: int) -> int:
        if self.text[0] == "M":
            month, week, day = map(int, self.text[1:].split("."))
            months = year * 12 + month - 1
            start = month_start(months)
            first = start + (day - 1 - weekday(start)) % 7
            return first + 7 * (week - 1) if week < _LAST_WEEK else first + (day_in_month(months, 31) - first) // 7 * 7
        if self.text[0] == "J":
            # Day 60 is 1 March even in leap years.
            number = int(self.text[1:])
            return day_number(year, 1, 1) + number - 1 if number < 60 else day_number(year, 3, 1) + number - 60
        return day_number(year, 1, 1) + int(self.text)


def read_zone_data(data: bytes) -> ZoneData:
    """Read the second block of a file, which has 64-bit times, and its footer. Raises `ValueError` if there is none."""
    magic, version, *counts = _HEADER.unpack_from(data)
    if magic != b"TZif" or version < b"2":
        raise ValueError("no zone data of version 2 or later")
    at = _HEADER.size + _block_size(counts, 4)
    _, _, *counts = _HEADER.unpack_from(data, at)
    _, _, _, times, types, _ = counts
    at += _HEADER.size
    end = at + _block_size(counts, 8)
    instants = struct.unpack_from(f">{times}q", data, at)
    kinds = data[at + 8 * times : at + 9 * times]
    ahead = [struct.unpack_from(">i", data, at + 9 * times + 6 * place)[0] for place in range(types)]
    offsets = [ahead[0], *(ahead[kind] for kind in kinds)]
    footer = data[end + 1 :].split(b"\n", 1)[0].decode()
    return ZoneData([each * SECOND for each in instants], [each * SECOND for each in offsets], _rule(footer))


def _block_size(counts: list[int], time_size: int) -> int:
    isutcnt, isstdcnt, leapcnt, timecnt, typecnt, charcnt = counts
    return timecnt * (time_size + 1) + typecnt * 6 + charcnt + leapcnt * (time_size + 4) + isstdcnt + isutcnt


def _rule(footer: str) -> YearlyRule | None:
    """The rule in a footer; none if the offset of the last transition stays."""
    found = _RULE.fullmatch(footer)
    if found is None:
        if footer:
            raise ValueError(f"cannot read the rule {footer!r}")
        return None
    standard, summer, begins, begins_at, ends, ends_at = found.groups()
    if begins is None:
        return None
    # West is positive here, unlike everywhere else.
    offset = -_clock(standard)
    ahead = offset + 3600 * SECOND if summer is None else -_clock(summer)
    return YearlyRule(offset, ahead, RuleDay(begins, _clock(begins_at or "2")), RuleDay(ends, _clock(ends_at or "2")))


def _clock(text: str) -> int:
    sign = -1 if text.startswith("-") else 1
    parts = [int(part) for part in text.lstrip("+-").split(":")]
    return sign * sum(part * unit for part, unit in zip(parts, (3600, 60, 1), strict=False)) * SECOND
