"""Values that are kept as they came, of the first or the latest touchpoint: what is kept of one, and what is answered of the rest.

A value may be large, and a customer's memory is bounded. So a part of it is kept, and where that would not tell, the answers to what
the journey asks of the whole.
"""

import math
from typing import Any, Final

from etapa.journey.engine.accumulators.accumulator import Matching, value_definition
from etapa.journey.engine.accumulators.ever import LARGEST_INTEGER, SMALLEST_INTEGER
from etapa.journey.engine.accumulators.matching import compile_value
from etapa.journey.engine.accumulators.watch import Watch
from etapa.journey.engine.facts.customer import Memory
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.language.matching.value_tests import Predicate
from etapa.journey.language.model import Conversion, Match, Path
from etapa.journey.localtime.zone import Zone

LONGEST_TEXT: Final = 1024
"""Characters kept of a remembered string."""
MOST_MEMBERS: Final = 64
"""Members kept of a remembered list."""


def keepsake(value: Any) -> Any:
    """What is kept of a value (of a trait, or of `last`), so that a customer's memory stays bounded.

    Strings are cut after 1,024 characters. Lists keep their first 64 members, of which only scalars can be asked for.
    No comparison looks into an object; that there is one is kept.
    """
    if isinstance(value, str):
        return value[:LONGEST_TEXT]
    if isinstance(value, dict):
        return {}
    if isinstance(value, list | tuple):
        return [keepsake(each) for each in value[:MOST_MEMBERS] if each is None or isinstance(each, str | int | float)]
    if isinstance(value, int) and not SMALLEST_INTEGER <= value <= LARGEST_INTEGER:
        return math.inf if value > 0 else -math.inf
    return value


KEPT: Final = "kept"
ANSWERS: Final = "answers"


class Ask:
    """What a condition asks of a whole value, of which only a part may be kept."""

    __slots__ = ("key", "predicate")

    def __init__(self, key: str, predicate: Predicate) -> None:
        self.key: Final = key
        self.predicate: Final = predicate


def keep(value: Any, asks: list[Ask], zone: Zone) -> Any:
    """What is kept of a value about which more is asked than that would tell: where it is not all, the answers as well."""
    kept = keepsake(value)
    if not asks or kept == value:
        return kept
    return {KEPT: kept, ANSWERS: {ask.key: ask.predicate.in_zone(zone).accepts(value) for ask in asks}}


class Answered(Predicate):
    """A comparison of a value that was kept: by the answer that was kept with it, if there is one."""

    __slots__ = ("_key", "_predicate")

    def __init__(self, key: str, predicate: Predicate) -> None:
        self._key: Final = key
        self._predicate: Final = predicate

    def accepts(self, value: Any) -> bool:
        if isinstance(value, dict) and ANSWERS in value:
            answer = value[ANSWERS].get(self._key)
            return self._predicate.accepts(value[KEPT]) if answer is None else bool(answer)
        return self._predicate.accepts(value)

    def in_zone(self, zone: Zone) -> Predicate:
        return Answered(self._key, self._predicate.in_zone(zone))


def lacks_answer(value: Any, key: str) -> bool:
    """Whether a part is all there is to tell by, because nobody asked when the value came."""
    return isinstance(value, dict) and ANSWERS in value and key not in value[ANSWERS]


class KeepsValues(Matching):
    """Base of accumulators that keep the value at a path of one touchpoint or several."""

    __slots__ = ("asks", "compared", "value_of")

    def __init__(self, kind: str, path: Path, match: Match, conversion: Conversion | None, *details: object) -> None:
        super().__init__(kind, match, *details, *value_definition(path, conversion))
        self.value_of: Final = compile_value(path, conversion)
        self.compared: Final[list[Watch]] = []
        """One for each comparison of the value."""
        self.asks: Final[list[Ask]] = []
        """What is asked of the whole of it."""

    def watches(self) -> list[Watch]:
        return [*super().watches(), *self.value_of.watches()]

    def look(self, touchpoint: Touchpoint) -> Any:
        """The value, once each comparison has seen whether it is of a type that can be compared."""
        value = self.value_of.of(touchpoint)
        for watch in self.compared:
            watch.look(value)
        return value


class FirstValue(KeepsValues):
    """The value of the earliest matching touchpoint, by the time it occurred, then arrival. Entry: [time, value]."""

    __slots__ = ()

    def __init__(self, path: Path, match: Match, conversion: Conversion | None = None) -> None:
        super().__init__("first", path, match, conversion)

    def record(self, memory: Memory, touchpoint: Touchpoint, now: int) -> None:
        if not self.takes(touchpoint):
            return
        value = self.look(touchpoint)
        entry = memory[self.place]
        if entry is None or touchpoint.at < entry[0]:
            memory[self.place] = [touchpoint.at, keep(value, self.asks, touchpoint.zone)]


class LastValue(KeepsValues):
    """The value of the latest matching touchpoint, by the time it occurred, then arrival. Entry: [time, value]."""

    __slots__ = ()

    def __init__(self, path: Path, match: Match, conversion: Conversion | None = None) -> None:
        super().__init__("last", path, match, conversion)

    def record(self, memory: Memory, touchpoint: Touchpoint, now: int) -> None:
        if not self.takes(touchpoint):
            return
        value = self.look(touchpoint)
        entry = memory[self.place]
        if entry is None or touchpoint.at >= entry[0]:
            memory[self.place] = [touchpoint.at, keep(value, self.asks, touchpoint.zone)]
