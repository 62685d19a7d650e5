"""Sums of figures by key, in Python: where `quick_sums.c` is not compiled, and for figures that are too large for it."""

from typing import Any, Final, final

from etapa.journey.ledger.tables import Figures, Key, Segment


@final
class PlainSums:
    """What `QuickSums` does, for whole numbers of any size. Keys stay in the order of arrival."""

    __slots__ = ("_by_key", "_keys", "_numbered", "_width")

    def __init__(self, keys: int, figures: int, numbered: int) -> None:
        """`keys`, `figures`: how many columns a key has, and how many figures. `numbered`: a bit for each column that holds whole numbers instead of names."""
        self._keys: Final = keys
        self._width: Final = keys + figures
        self._numbered: Final = numbered
        self._by_key: Final[dict[Key, Figures]] = {}

    def __len__(self) -> int:
        return len(self._by_key)

    def touch(self, segment: Segment, touchpoint_type: str, channel: str | None) -> None:
        """Count a touchpoint: 1 for the key of persona, stage, type and channel."""
        self.add((*segment, touchpoint_type, channel), (1,))

    def add(self, key: Key, figures: tuple[int, ...] | Figures) -> None:
        """Add figures to those of a key."""
        there = self._by_key.get(key)
        if there is None:
            self._by_key[key] = list(figures)
        else:
            for place, number in enumerate(figures):
                there[place] += number

    def count(self, *parts_and_figures: Any) -> None:
        """The same with the parts of the key and the figures one by one."""
        self.add(parts_and_figures[: self._keys], parts_and_figures[self._keys :])

    def add_all(self, other: "PlainSums", left_out: int, part: int | None) -> None:
        """Add all figures of `other`, without the first `left_out` columns of its keys, and with `part` before the others."""
        before = () if part is None else (part,)
        for key, figures in other._by_key.items():
            self.add((*before, *key[left_out:]), figures)

    def rows(self) -> tuple[list[str], list[int]]:
        """Each name once, in the order of arrival; and each key, with numbers for names and -1 for none, followed by its figures."""
        numbers: dict[str, int] = {}
        rows: list[int] = []
        for key, figures in self._by_key.items():
            rows += [part if isinstance(part, int) else -1 if part is None else numbers.setdefault(part, len(numbers)) for part in key]
            rows += figures
        return list(numbers), rows

    def names(self, column: int) -> int:
        """How many names a column has, none included."""
        return len({key[column] for key in self._by_key})

    def load(self, names: list[str], numbers: list[int]) -> None:
        """Add rows as `rows` gives them. Raises `ValueError`, and is of no use afterwards, if they are no whole rows or have other names."""
        if len(numbers) % self._width:
            raise ValueError(f"{len(numbers)} numbers, which is not a multiple of {self._width}")
        for start in range(0, len(numbers), self._width):
            key: list[str | int | None] = []
            for column in range(self._keys):
                number = numbers[start + column]
                if self._numbered >> column & 1:
                    key.append(number)
                elif not -1 <= number < len(names):
                    raise ValueError(f"{len(names)} names, but uses name number {number}")
                else:
                    key.append(None if number < 0 else names[number])
            self.add(tuple(key), numbers[start + self._keys : start + self._width])
