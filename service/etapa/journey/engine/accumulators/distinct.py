"""Accumulators of different values: exact up to 256 values, a fair sample beyond that.

Values are kept as 64-bit digests. When there are more than 256, only digests that end in a zero bit stay, then in two
zero bits, and so on. The number is then an estimate: the number kept, times 2 per bit, off by about a twelfth. This is
M. Wegman's adaptive sampling (P. Flajolet, "On Adaptive Sampling", 1990). Unlike other sketches it also works for moving windows.
"""

from hashlib import blake2b
from typing import Any, Final, final

import msgspec

from etapa.journey.engine.accumulators.accumulator import Matching, Windowed, value_definition
from etapa.journey.engine.accumulators.matching import compile_value
from etapa.journey.engine.accumulators.quick_searching import quick_search
from etapa.journey.engine.accumulators.watch import Watch
from etapa.journey.engine.accumulators.window import forget_before, place_after
from etapa.journey.engine.facts.customer import Memory
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.language.matching.predicates import MISSING
from etapa.journey.language.model import Conversion, Match, Path

EXACT: Final = 256

MOST_KNOWN: Final = 1024
LONGEST_KNOWN: Final = 64
"""So many texts of up to so many characters, with their digests: several windows may look at the same value, and values come again."""

_known: Final[dict[str, Any]] = {}
_encode: Final = msgspec.json.Encoder(order="deterministic").encode
_QUICK: Final = quick_search


class DistinctEver(Matching):
    """Entry: [bits, digests]."""

    __slots__ = ("value_of",)

    def __init__(self, path: Path, match: Match, conversion: Conversion | None = None) -> None:
        super().__init__("distinct", match, *value_definition(path, conversion))
        self.value_of: Final = compile_value(path, conversion)

    def watches(self) -> list[Watch]:
        return [*super().watches(), *self.value_of.watches()]

    def record(self, memory: Memory, touchpoint: Touchpoint, now: int) -> None:
        if not self.takes(touchpoint):
            return
        for value in self.value_of.every(touchpoint):
            if value is not MISSING:
                self._take(memory, value)

    def _take(self, memory: Memory, value: Any) -> None:
        digest = value_digest(value)
        entry = memory[self.place]
        if entry is None:
            entry = memory[self.place] = [0, []]
        bits, digests = entry
        if digest % (1 << bits) or digest in digests:
            return
        digests.append(digest)
        while len(entry[1]) > EXACT:
            entry[0] += 1
            entry[1] = [each for each in entry[1] if not each % (1 << entry[0])]

    def united(self, kept: Any, other: Any, now: int) -> Any:
        bits = max(kept[0], other[0])
        digests = [each for each in dict.fromkeys([*kept[1], *other[1]]) if not each % (1 << bits)]
        while len(digests) > EXACT:
            bits += 1
            digests = [each for each in digests if not each % (1 << bits)]
        return [bits, digests]

    def number(self, memory: Memory) -> int:
        """How many different values, ever."""
        entry = memory[self.place]
        return 0 if entry is None else len(entry[1]) << entry[0]


class DistinctWindow(Windowed):
    """Entry: [bits, times, digests]; each value's latest time in the window, ascending."""

    __slots__ = ("is_single", "value_of")

    def __init__(self, path: Path, match: Match, within: int, conversion: Conversion | None = None) -> None:
        super().__init__("distinct", match, within, *value_definition(path, conversion), times_at=1)
        self.value_of: Final = compile_value(path, conversion)
        self.is_single: Final = self.value_of.is_single()

    def watches(self) -> list[Watch]:
        return [*super().watches(), *self.value_of.watches()]

    def record(self, memory: Memory, touchpoint: Touchpoint, now: int) -> None:
        if not self.takes(touchpoint):
            return
        gone = now - self.within
        if self.is_single:
            value = self.value_of.of(touchpoint)
            if value is not MISSING:
                self._take(memory, value, touchpoint, gone)
            return
        for value in self.value_of.every(touchpoint):
            if value is not MISSING:
                self._take(memory, value, touchpoint, gone)

    def _take(self, memory: Memory, value: Any, touchpoint: Touchpoint, gone: int) -> None:
        at = touchpoint.at
        if at <= gone:
            return
        digest = value_digest(value)
        entry = memory[self.place]
        if entry is None:
            memory[self.place] = [0, [touchpoint.when], [digest]]
            return
        kept: list[Any] = entry
        times: list[int] = kept[1]
        digests: list[Any] = kept[2]
        forget_before(gone, times, digests)
        if not times:
            kept[0] = 0
        bits: int = kept[0]
        if bits and digest % (1 << bits):
            return
        place = place_among(digests, digest)
        if place >= 0:
            if times[place] >= at:
                return
            del times[place], digests[place]
        if not times or at >= times[-1]:
            kept_times: list[Any] = times
            kept_times.append(touchpoint.when)
            digests.append(digest)
        else:
            place = place_after(times, at)
            times.insert(place, at)
            digests.insert(place, digest)
        if len(times) > EXACT:
            _thin_out(kept)

    def united(self, kept: Any, other: Any, now: int) -> Any:
        gone = now - self.within
        latest: dict[int, int] = {}
        for _, times, digests in (kept, other):
            for time, digest in zip(times, digests, strict=True):
                if time > gone and time > latest.get(digest, gone):
                    latest[digest] = time
        # A sample of values that have all left says nothing about those that come.
        bits = max([entry[0] for entry in (kept, other) if entry[1] and entry[1][-1] > gone], default=0)
        while True:
            found = sorted([(time, digest) for digest, time in latest.items() if not digest % (1 << bits)])
            if len(found) <= EXACT:
                return [bits, [time for time, _ in found], [digest for _, digest in found]]
            bits += 1


def _thin_out(entry: list[Any]) -> None:
    while len(entry[1]) > EXACT:
        entry[0] += 1
        kept = [(time, each) for time, each in zip(entry[1], entry[2], strict=True) if not each % (1 << entry[0])]
        entry[1:] = [time for time, _ in kept], [each for _, each in kept]


def value_digest(value: Any) -> Any:
    """64 bits, as a whole number, that are the same for equal values only: `1` equals `1.0`, a boolean equals no number.

    Of any type: compiled code would make an object of it again for each use.
    """
    latest = _LATEST.told
    if value is latest[0]:
        return latest[1]
    if not isinstance(value, str) or len(value) > LONGEST_KNOWN:
        return _worked_out(value)
    digest = _known.get(value)
    if digest is None:
        digest = _worked_out(value)
        if len(_known) >= MOST_KNOWN:
            _known.clear()
        _known[value] = digest
    _LATEST.told = (value, digest)
    return digest


def place_among(digests: list[Any], digest: Any) -> int:
    """Where the digest is among these; -1 if it is not there. Mostly it is not, so that all of them are looked at."""
    quick = _QUICK
    if quick is not None:
        return quick(digests, digest)
    return digests.index(digest) if digest in digests else -1


def _worked_out(value: Any) -> Any:
    return int.from_bytes(blake2b(_encode(value if isinstance(value, str) else _plain(value)), digest_size=8).digest())


def _plain(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value


@final
class _Latest:
    """`told`: the text that came last, with its digest. Several windows may look at the same value of a touchpoint, one after the other."""

    __slots__ = ("told",)

    def __init__(self) -> None:
        self.told: tuple[str, Any] = ("", _worked_out(""))


_LATEST: Final = _Latest()
