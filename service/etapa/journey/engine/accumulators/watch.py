"""Counting values of a type that a condition cannot use, at no cost if there are none."""

from typing import Any, Final

from etapa.journey.language.matching.type_checks import TypeCheck


class Watch:
    """Looks at a value that passed no test, or only a test for another type, and counts it if its type could never pass."""

    __slots__ = ("check", "number")

    def __init__(self, check: TypeCheck) -> None:
        self.check: Final = check
        self.number = 0
        """Since the journey was compiled. Values that are judged again are counted again."""

    def look(self, value: Any) -> None:
        if self.check.misses(value):
            self.number += 1
