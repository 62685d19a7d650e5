"""Accumulators of different values and of different days, with the times at which each came.

Values are kept as in `distinct`: as 64-bit digests, and beyond a limit only a fair sample of them. A day is its number.
"""

from bisect import bisect_right
from typing import Any, Final

from etapa.journey.engine.accumulators.accumulator import Matching, Windowed, value_definition
from etapa.journey.engine.accumulators.distinct import EXACT, value_digest
from etapa.journey.engine.accumulators.matching import compile_value
from etapa.journey.engine.accumulators.watch import Watch
from etapa.journey.engine.accumulators.window import forget_before
from etapa.journey.engine.facts.customer import Memory
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.language.matching.predicates import MISSING
from etapa.journey.language.model import Conversion, Match, Path
from etapa.journey.units import DAY

MOST_DAYS: Final = 1024
"""Most different days kept one by one in a window."""
_MOST_BYTES: Final = 4096
"""Most days ever, a bit for each: 89 years."""


class KeyOf:
    """The keys of a touchpoint, each counted once however often it comes."""

    __slots__ = ("definition", "most")

    def __init__(self, definition: list[Any], most: int) -> None:
        self.definition: Final = definition
        self.most: Final = most
        """How many are kept one by one."""

    def of(self, touchpoint: Touchpoint) -> list[int]:
        """The touchpoint's keys as numbers from 0; equal keys have equal numbers."""
        raise NotImplementedError

    def watches(self) -> list[Watch]:
        """The watches that count values which cannot be converted."""
        return []


class ValueKey(KeyOf):
    """The value at a path."""

    __slots__ = ("value_of",)

    def __init__(self, path: Path, conversion: Conversion | None = None) -> None:
        super().__init__(value_definition(path, conversion), EXACT)
        self.value_of: Final = compile_value(path, conversion)

    def of(self, touchpoint: Touchpoint) -> list[int]:
        return [value_digest(value) for value in self.value_of.every(touchpoint) if value is not MISSING]

    def watches(self) -> list[Watch]:
        return self.value_of.watches()


class DayKey(KeyOf):
    """The date on the customer's calendar."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(["day"], MOST_DAYS)

    def of(self, touchpoint: Touchpoint) -> list[int]:
        # Counted from long before the year 1, so that no number is negative.
        return [touchpoint.zone.local(touchpoint.at) // DAY + _LONG_AGO]


_LONG_AGO: Final = 1_000_000


class DaysEver(Matching):
    """Different days ever. Entry: [first day, number of days, a bit for each day from the first, touchpoints that were too far away]."""

    __slots__ = ()

    def __init__(self, match: Match) -> None:
        super().__init__("days ever", match)

    def record(self, memory: Memory, touchpoint: Touchpoint, now: int) -> None:
        if not self.takes(touchpoint):
            return
        day = touchpoint.zone.local(touchpoint.at) // DAY
        entry = memory[self.place]
        if entry is None:
            memory[self.place] = [day, 1, b"\x01", 0]
            return
        first: int = entry[0]
        bits: bytes = entry[2]
        if day < first:
            more = -(-(first - day) // 8)
            if more + len(bits) > _MOST_BYTES:
                entry[3] += 1
                return
            bits = bytes(more) + bits
            first -= 8 * more
        place = day - first
        byte = place // 8
        if byte >= _MOST_BYTES:
            entry[3] += 1
            return
        if byte >= len(bits):
            bits += bytes(byte + 1 - len(bits))
        bit = 1 << (place - 8 * byte)
        if not bits[byte] & bit:
            entry[1] += 1
            bits = bits[:byte] + bytes([bits[byte] | bit]) + bits[byte + 1 :]
        entry[0] = first
        entry[2] = bits

    def united(self, kept: Any, other: Any, now: int) -> Any:
        first = min(kept[0], other[0])
        days = 0
        for entry in (kept, other):
            days |= int.from_bytes(entry[2], "little") << (entry[0] - first)
        # Not masked: mypyc would work out a constant of so many bits, and crash.
        too_far = days >> 8 * _MOST_BYTES
        within = days - (too_far << 8 * _MOST_BYTES)
        return [
            first,
            within.bit_count(),
            within.to_bytes(-(-within.bit_length() // 8), "little"),
            kept[3] + other[3] + too_far.bit_count(),
        ]


class KeysInWindow(Windowed):
    """Base of accumulators that keep times of each key in a window. Entry: [bits, times, keys], ascending by time."""

    __slots__ = ("key_of",)

    def __init__(self, kind: str, key_of: KeyOf, match: Match, within: int, *details: object) -> None:
        super().__init__(kind, match, within, *details, *key_of.definition, times_at=1)
        self.key_of: Final = key_of

    def watches(self) -> list[Watch]:
        return [*super().watches(), *self.key_of.watches()]

    def record(self, memory: Memory, touchpoint: Touchpoint, now: int) -> None:
        at = touchpoint.at
        gone = now - self.within
        if at <= gone or not self.takes(touchpoint):
            return
        for key in self.key_of.of(touchpoint):
            entry = memory[self.place]
            if entry is None:
                entry = memory[self.place] = [0, [], []]
            bits, times, keys = entry
            forget_before(gone, times, keys)
            if not times:
                entry[0] = bits = 0
            if key % (1 << bits) == 0:
                self.put(times, keys, key, at)
                thin_out(entry, self.key_of.most)

    def put(self, times: list[int], keys: list[int], key: int, at: int) -> None:
        """Record that `key` came at `at`."""
        raise NotImplementedError

    def united(self, kept: Any, other: Any, now: int) -> Any:
        gone = now - self.within
        for entry in (kept, other):
            forget_before(gone, entry[1], entry[2])
        # A sample of keys that have all left says nothing about those that come.
        bits = max([entry[0] for entry in (kept, other) if entry[1]], default=0)
        united: list[Any] = [bits, [], []]
        for entry in (kept, other):
            for at, key in zip(entry[1], entry[2], strict=True):
                if key % (1 << united[0]) == 0:
                    self.put(united[1], united[2], key, at)
                    thin_out(united, self.key_of.most)
        return united


class KeysWithin(KeysInWindow):
    """The latest time of each key in the window."""

    __slots__ = ()

    def __init__(self, key_of: KeyOf, match: Match, within: int) -> None:
        super().__init__("keys within", key_of, match, within)

    def put(self, times: list[int], keys: list[int], key: int, at: int) -> None:
        if key in keys:
            place = keys.index(key)
            if times[place] >= at:
                return
            del times[place], keys[place]
        place = bisect_right(times, at)
        times.insert(place, at)
        keys.insert(place, key)


class KeysBefore(Matching):
    """Entry: [bits, times, keys]; the earliest time ever of each key, ascending."""

    __slots__ = ("key_of",)

    def __init__(self, key_of: KeyOf, match: Match) -> None:
        super().__init__("keys before", match, *key_of.definition)
        self.key_of: Final = key_of

    def watches(self) -> list[Watch]:
        return [*super().watches(), *self.key_of.watches()]

    def record(self, memory: Memory, touchpoint: Touchpoint, now: int) -> None:
        if not self.takes(touchpoint):
            return
        for key in self.key_of.of(touchpoint):
            entry = memory[self.place]
            if entry is None:
                entry = memory[self.place] = [0, [], []]
            self._take(entry, key, touchpoint.at)

    def united(self, kept: Any, other: Any, now: int) -> Any:
        united: list[Any] = [max(kept[0], other[0]), [], []]
        for entry in (kept, other):
            for at, key in zip(entry[1], entry[2], strict=True):
                self._take(united, key, at)
        return united

    def _take(self, entry: list[Any], key: int, at: int) -> None:
        bits, times, keys = entry
        if key % (1 << bits):
            return
        if key in keys:
            place = keys.index(key)
            if times[place] <= at:
                return
            del times[place], keys[place]
        place = bisect_right(times, at)
        times.insert(place, at)
        keys.insert(place, key)
        thin_out(entry, self.key_of.most)


class KeysBetween(KeysInWindow):
    """Every time of each key in the window, except times that cannot affect any answer.

    Questions are only about spans of at least `shortest`. So if three times of one key lie within so short a span, the middle one
    makes no difference.
    """

    __slots__ = ("shortest",)

    def __init__(self, key_of: KeyOf, match: Match, within: int, shortest: int) -> None:
        super().__init__("keys between", key_of, match, within, shortest)
        self.shortest: Final = shortest

    def put(self, times: list[int], keys: list[int], key: int, at: int) -> None:
        place = bisect_right(times, at)
        times.insert(place, at)
        keys.insert(place, key)
        self._leave_middle_out(times, keys, key)

    def _leave_middle_out(self, times: list[int], keys: list[int], key: int) -> None:
        places = [place for place, each in enumerate(keys) if each == key]
        before = times[places[0]]
        redundant = []
        for number in range(1, len(places) - 1):
            if times[places[number + 1]] - before <= self.shortest:
                redundant.append(places[number])
            else:
                before = times[places[number]]
        for place in reversed(redundant):
            del times[place], keys[place]


def thin_out(entry: list[Any], most: int) -> None:
    """Reduce the entry to a fair sample of at most `most` keys."""
    while len(entry[1]) > most:
        entry[0] += 1
        kept = [(time, each) for time, each in zip(entry[1], entry[2], strict=True) if not each % (1 << entry[0])]
        entry[1:] = [time for time, _ in kept], [each for _, each in kept]
