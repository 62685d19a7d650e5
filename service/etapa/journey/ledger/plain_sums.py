"""Sums of figures by key, in Python: where `quick_sums.c` is not compiled, and for figures that are too large for it."""

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import chain, islice
from operator import add as plus
from operator import itemgetter
from typing import Any, Final, final

from etapa.journey.ledger.stays import bucket_of
from etapa.journey.ledger.tables import Figures, Key, Segment


@final
class PlainSums:
    """What `QuickSums` does, for whole numbers of any size. Keys and names stay in the order of arrival."""

    __slots__ = ("_by_key", "_columns", "_in_parts", "_keys_named", "_named", "_names", "_part", "_width")

    def __init__(self, keys: int, figures: int, numbered: int, in_parts: bool) -> None:  # noqa: FBT001 - as in C
        """`keys`, `figures`: how many columns a key has, and how many figures. `numbered`: 1 if the last column of a key holds whole numbers instead of names, else 0.

        `in_parts`: what is counted is kept part by part, and the part's number is the first of each row.
        """
        self._columns: Final = keys
        self._in_parts: Final = in_parts
        self._width: Final = in_parts + keys + figures
        self._named: Final = keys - numbered
        self._part: tuple[int, ...] = (0,) if in_parts else ()
        self._by_key: Final[dict[Key, Figures]] = {}
        """By part, if there are such, and key."""
        self._names: Final[dict[str, int]] = {}
        self._keys_named = 0
        """How many of the keys have all of their names numbered."""

    def __len__(self) -> int:
        return len(self._by_key)

    def has_any(self) -> bool:
        """Whether there are any figures."""
        return bool(self._by_key)

    def turn(self, part: int) -> None:
        """Count in this part from now on."""
        self._part = (part,)

    def touch(self, segment: Segment, touchpoint_type: str, channel: str | None) -> None:
        """Count a touchpoint: 1 for the key of persona, stage, type and channel."""
        key = (*self._part, *segment, touchpoint_type, channel)
        there = self._by_key.get(key)
        if there is None:
            self._by_key[key] = [1]
        else:
            there[0] += 1

    def add(self, key: Key, figures: tuple[int, ...] | Figures) -> None:
        """Add figures to those of a key, in the present part."""
        self._add(self._part + key, figures)

    def offered(self, persona: str | None, campaign: str, outcome: str) -> None:
        """Count an offer to a campaign: 1 for that key."""
        self._add((*self._part, persona, campaign, outcome), _ONE)

    def moved(self, stays: "PlainSums", *columns_stay_first_and_more: Any) -> bool:
        """Count a move: persona, source, to, cause, rule, the stay in `source` in microseconds or none, and 1 if it is the first in `to`, else 0.

        The stay is counted in `stays`, unless there is none. Then come other sums, their table, and what to add to them: in C, this is done
        if it is all of that table. Returns whether it was done.
        """
        persona, source, to, cause, rule, stay, first, _, _, _ = columns_stay_first_and_more
        self._add((*self._part, persona, source, to, cause, rule), (1, stay or 0, first))
        if stay is not None:
            stays._add((*stays._part, persona, source, to, bucket_of(stay)), _ONE)
        return False

    def add_all(self, other: "PlainSums", part: int | None) -> None:
        """Add all figures of `other`, whatever part they are of; to `part`, if these are in parts."""
        before = () if part is None else (part,)
        for key, figures in other._by_key.items():
            self._add((*before, *key[other._in_parts :]), figures)

    def spread(self, where: dict[int, int], places: Sequence["tuple[PlainSums, int | None] | None"]) -> None:
        """Add the figures of each part to the sums at its place, whose number `where` tells, and there to that part if they are in parts."""
        targets = [None if place is None else (place[0], () if place[1] is None else (place[1],)) for place in places]
        by_part = {part: targets[number] for part, number in where.items()}
        for key, figures in self._by_key.items():
            target = by_part[int(key[0] or 0)]
            if target is not None:
                sums, part = target
                sums._add(part + key[1:], figures)

    def rows_by_place(self, where: dict[int, int], places: int) -> list[int]:
        """How many rows go to each of so many places, whose numbers `where` tells by part. In C, a key that was just counted may have several."""
        rows = [0] * places
        for part, number in Counter(map(_FIRST, self._by_key)).items():
            rows[where[part]] += number
        return rows

    def rows(self) -> tuple[list[str], list[int]]:
        """Each name once; and each key, with numbers for names and -1 for none, followed by its figures."""
        names = self._all_named()
        numbers: dict[str | int | None, int] = {None: -1}
        numbers.update(names.items())
        # Numbers among the columns stand for themselves.
        if self._in_parts:
            numbers.update((part, part) for part in set(map(_FIRST, self._by_key)))
        if self._named < self._columns:
            numbers.update((last, last) for last in set(map(_LAST, self._by_key)))
        rows: list[int] = []
        for key, figures in self._by_key.items():
            rows += map(numbers.__getitem__, key)
            rows += figures
        return list(names), rows

    def cells(self) -> dict[Key, Figures]:
        """All figures by key, with part, in lists of their own."""
        return {key: figures[:] for key, figures in self._by_key.items()}

    def names(self, column: int) -> int:
        """How many names a column has, none included."""
        return len({key[self._in_parts + column] for key in self._by_key})

    def all_names(self) -> int:
        """How many names there are in all columns."""
        return len(self._all_named())

    def load(self, names: list[str], numbers: list[int]) -> None:
        """Add rows as `rows` gives them. Raises `ValueError`, and is of no use afterwards, if they are no whole rows or have other names."""
        if len(numbers) % self._width:
            raise ValueError(f"{len(numbers)} numbers, which is not a multiple of {self._width}")
        known = self._all_named()
        for name in names:
            known.setdefault(name, len(known))
        keys = self._in_parts + self._columns
        for start in range(0, len(numbers), self._width):
            key: list[str | int | None] = []
            for column in range(keys):
                number = numbers[start + column]
                if not self._in_parts <= column < self._in_parts + self._named:
                    key.append(number)
                elif not -1 <= number < len(names):
                    raise ValueError(f"{len(names)} names, but uses name number {number}")
                else:
                    key.append(None if number < 0 else names[number])
            self._add(tuple(key), numbers[start + keys : start + self._width])

    def _add(self, key: Key, figures: tuple[int, ...] | Figures) -> None:
        there = self._by_key.get(key)
        if there is None:
            self._by_key[key] = list(figures)
        elif len(there) == 1:
            there[0] += figures[0]
        else:
            there[:] = map(plus, there, figures)

    def _all_named(self) -> dict[str, int]:
        """The numbers of all names. Those of keys that were added lately are given only now, because few ask for them."""
        names = self._names
        if self._keys_named < len(self._by_key):
            start, stop = int(self._in_parts), self._in_parts + self._named
            for name in dict.fromkeys(chain.from_iterable([key[start:stop] for key in islice(self._by_key, self._keys_named, None)])):
                if isinstance(name, str) and name not in names:
                    names[name] = len(names)
            self._keys_named = len(self._by_key)
        return names


_ONE: Final = (1,)
_FIRST: Final[Callable[[Any], int]] = itemgetter(0)
_LAST: Final[Callable[[Any], int]] = itemgetter(-1)
