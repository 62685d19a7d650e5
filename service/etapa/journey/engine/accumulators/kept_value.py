"""Values kept as they arrived, from the first or the latest touchpoint: what is kept of a value, and answers about the rest.

A value may be large, but a customer's memory is bounded. So only a part is kept and, if a part is not enough, also the answers to
what the journey asks of the whole value.
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
"""Most characters kept of a string."""
MOST_MEMBERS: Final = 64
"""Most members kept of a list."""


def keepsake(value: Any) -> Any:
    """The part of a value (of a trait, or of `last`) that is kept, so that a customer's memory stays bounded.

    Strings are cut after 1,024 characters. Lists keep their first 64 members, of which only scalars can be compared.
    Of an object only its existence is kept, because no comparison looks into one.
    """
    if isinstance(value, str):
        return value[:LONGEST_TEXT]
    if isinstance(value, dict):
        return {}
    if isinstance(value, (list, tuple)):
        return [keepsake(each) for each in value[:MOST_MEMBERS] if each is None or isinstance(each, (str, int, float))]
    if isinstance(value, int) and not SMALLEST_INTEGER <= value <= LARGEST_INTEGER:
        return math.inf if value > 0 else -math.inf
    return value


KEPT: Final = "kept"
ANSWERS: Final = "answers"


class Ask:
    """A question about a whole value of which only a part may be kept."""

    __slots__ = ("key", "predicate")

    def __init__(self, key: str, predicate: Predicate) -> None:
        self.key: Final = key
        self.predicate: Final = predicate


def keep(value: Any, asks: list[Ask], zone: Zone) -> Any:
    """What is kept of a value for which a part may not be enough: the part, with the answers to `asks` if it is not the whole."""
    kept = keepsake(value)
    if not asks or kept == value:
        return kept
    return {KEPT: kept, ANSWERS: {ask.key: ask.predicate.in_zone(zone).accepts(value) for ask in asks}}


class Answered(Predicate):
    """A comparison of a kept value: uses the answer kept with it, if there is one."""

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
    """Whether only a part is left to judge by, because nothing asked when the value arrived."""
    return isinstance(value, dict) and ANSWERS in value and key not in value[ANSWERS]


class KeepsValues(Matching):
    """Base of accumulators that keep the value at a path, of one or several touchpoints."""

    __slots__ = ("asks", "compared", "value_of")

    def __init__(self, kind: str, path: Path, match: Match, conversion: Conversion | None, *details: object) -> None:
        super().__init__(kind, match, *details, *value_definition(path, conversion))
        self.value_of: Final = compile_value(path, conversion)
        self.compared: Final[list[Watch]] = []
        """One for each comparison of the value."""
        self.asks: Final[list[Ask]] = []
        """What conditions ask of the whole value."""

    def watches(self) -> list[Watch]:
        return [*super().watches(), *self.value_of.watches()]

    def look(self, touchpoint: Touchpoint) -> Any:
        """The value, after each watch has checked whether its type can be compared."""
        value = self.value_of.of(touchpoint)
        for watch in self.compared:
            watch.look(value)
        return value


class FirstValue(KeepsValues):
    """The value of the earliest matching touchpoint, by time, then arrival. Entry: [time, value]."""

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

    def united(self, kept: Any, other: Any, now: int) -> Any:
        return kept if kept[0] <= other[0] else other


class LastValue(KeepsValues):
    """The value of the latest matching touchpoint, by time, then arrival. Entry: [time, value]."""

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

    def united(self, kept: Any, other: Any, now: int) -> Any:
        return kept if kept[0] > other[0] else other
