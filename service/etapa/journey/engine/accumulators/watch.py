"""Counting values of a type that a condition cannot use, at no cost where there are none."""

from typing import Any, Final

from etapa.journey.language.matching.type_checks import TypeCheck


class Watch:
    """Looks at a value that passed no test, or one for being of another type, and counts it if it never could."""

    __slots__ = ("check", "number")

    def __init__(self, check: TypeCheck) -> None:
        self.check: Final = check
        self.number = 0
        """Since the journey was compiled. What is judged again is counted again."""

    def look(self, value: Any) -> None:
        if self.check.misses(value):
            self.number += 1
