"""Numbers, durations and values in the reader's language."""

import math
from typing import Final

from etapa.journey.language.matching.matches import Scalar
from etapa.journey.language.matching.windows import Window
from etapa.journey.language.phrasing.phrases import ByUnit, Language, Plural
from etapa.journey.units import DAY, HOUR, MINUTE, SECOND, YEAR

_FEWEST_GROUPED: Final = 4
"""Most digits of a number without separators, as usual in both languages."""


def number_text(number: float) -> str:
    """A number as people write it: `3`, `379.5`, at most three decimals unless it is tiny."""
    if not math.isfinite(number):
        return "infinite" if number > 0 else "minus infinite"
    if number == int(number):
        return str(int(number))
    if abs(number) < 0.001:
        return f"{number:.3g}"
    return f"{number:.3f}".rstrip("0").rstrip(".")


class ValuesInWords:
    """Words for single values."""

    def __init__(self, language: Language) -> None:
        self._language = language
        self._phrases = language.rules

    def number(self, number: float) -> str:
        """With the language's separators: `12,345.5`, `12.345,5`."""
        whole, _, fraction = number_text(number).partition(".")
        digits = whole.lstrip("-")
        if digits.isdigit() and len(digits) > _FEWEST_GROUPED:
            whole = whole.removesuffix(digits) + f"{int(digits):,}".replace(",", self._language.thousands)
        return f"{whole}{self._language.decimal}{fraction}" if fraction else whole

    def value(self, value: Scalar) -> str:
        """An operand; text in quotes."""
        if isinstance(value, bool):
            return self._phrases.yes if value else self._phrases.no
        if value is None:
            return self._phrases.nothing
        return self.number(value) if isinstance(value, int | float) else self.quoted(value)

    def quoted(self, text: str) -> str:
        """In the language's quotation marks."""
        return self._phrases.quoted.format(text=text)

    def duration(self, microseconds: int) -> str:
        """In words: `90 days`, `1 day 12 hours`; exact."""
        parts = [self._plural(plural, number) for plural, number in _in_units(microseconds, self._phrases.units)]
        return self._phrases.both.together(parts) if parts else self._plural(self._phrases.units.day, 0)

    def window(self, window: Window) -> str:
        """The window, to follow what it narrows; empty if it is ever."""
        phrases = self._phrases
        if window.calendar is not None:
            return (phrases.last_period if window.calendar.last else phrases.this)[window.calendar.unit]
        if window.before is None:
            return "" if window.within is None else self.lately(window.within)
        if window.within is None:
            return phrases.window_before.format(duration=self.duration(window.before))
        return phrases.window_between.format(within=self.duration(window.within), before=self.duration(window.before))

    def lately(self, microseconds: int) -> str:
        """The last so long."""
        parts = _in_units(microseconds, self._phrases.lately)
        plural, number = parts[0]
        return plural.of(number if len(parts) == 1 else 0).format(duration=self.duration(microseconds))

    def _plural(self, plural: Plural, number: float) -> str:
        return plural.of(number).format(n=self.number(number))


def _in_units(microseconds: int, units: ByUnit) -> list[tuple[Plural, float]]:
    parts: list[tuple[Plural, float]] = []
    rest = microseconds
    for plural, length in ((units.year, YEAR), (units.day, DAY), (units.hour, HOUR), (units.minute, MINUTE)):
        number, rest = divmod(rest, length)
        if number:
            parts.append((plural, number))
    if rest:
        parts.append((units.second, rest // SECOND if rest % SECOND == 0 else rest / SECOND))
    return parts
