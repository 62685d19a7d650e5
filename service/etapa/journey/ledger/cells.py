"""The cells in which touchpoints and moves are counted. Finding one takes few lookups, and entering it into a page few more.

A cell keeps its count only until the tally turns to another hour, so counting once more is adding to a plain number.
"""

from typing import Final, final

from mypy_extensions import i64, mypyc_attr

from etapa.journey.ledger.counted import CountedSegments
from etapa.journey.ledger.tables import Key

_CHANNELS: Final = 16
"""So many channels, none included, are found by number. Nothing but speed depends on it, and on the next one."""
_MORE_TYPES: Final = 32
"""So many types that the journey does not name get a number."""
_MOST_CELLS: Final = 5_000
"""Most cells that are kept for the next batch, a third of a kilobyte each."""
_NO_NUMBERS: Final[list[int]] = []


@final
@mypyc_attr(acyclic=True)
class Cell:
    """A key, and how often it was counted in the current hour."""

    __slots__ = ("count", "key", "name_numbers", "named_in", "page", "place", "turn")

    def __init__(self, key: Key) -> None:
        self.key: Final = key
        self.turn: i64 = 0
        """The turn in which `count` began; turns are numbered from 1."""
        self.count: i64 = 0
        self.page: object = None
        """The `Page.token` of the page into which it was entered last."""
        self.place: i64 = 0
        """Where its figures begin there."""
        self.named_in: object = None
        """The `NameTable.token` of the table to which `name_numbers` belong: the key as it begins its row."""
        self.name_numbers: list[int] = _NO_NUMBERS


@final
@mypyc_attr(acyclic=True)
class MoveCell:
    """The key of a move, and its figures in the current hour."""

    __slots__ = ("cell", "first", "stay", "stays")

    def __init__(self, cell: Cell, stays: dict[int, Cell]) -> None:
        self.cell: Final = cell
        self.stay = 0
        self.first: i64 = 0
        self.stays: Final = stays
        """Cells of its stays by bucket, which it shares with moves of other causes."""


@final
class KnownCells:
    """All cells that touchpoints and moves were counted in; one for each key, for as long as this lasts."""

    __slots__ = ("_by_segment", "_channels", "_moves", "_number", "_stays", "_touchpoints", "_types", "counted", "turn")

    def __init__(self) -> None:
        self.turn: i64 = 0
        """The number of the latest turn. No two tallies may have the same one."""
        self.counted = _NO_SEGMENTS
        """The journey's numbers."""
        self._by_segment: list[list[list[Cell]]] = []
        """Cells by the numbers of segment, type and channel; the lists are empty, and have `_NOTHING`, until one is counted."""
        self._types: Final[dict[str, int]] = {}
        """The numbers of types: the journey's, and then a few that it does not name."""
        self._channels: Final[list[str]] = []
        """The first few, by number; 0 is none."""
        self._touchpoints: Final[dict[Key, Cell]] = {}
        self._moves: Final[dict[Key, MoveCell]] = {}
        self._stays: Final[dict[Key, dict[int, Cell]]] = {}
        self._number = 0

    def is_full(self) -> bool:
        """Whether there are so many that it is time to begin anew."""
        return self._number >= _MOST_CELLS

    def count_by(self, counted: CountedSegments) -> None:
        """Understand the numbers of another journey from now on."""
        self.counted = counted
        self._by_segment = [[] for _ in counted.segments]
        self._types.clear()
        self._types.update({touchpoint_type: number for number, touchpoint_type in enumerate(counted.types)})

    def touchpoints_in(self, segment: i64, kind: i64, touchpoint_type: str, channel: str | None) -> Cell:
        """The cell of touchpoints by the journey's numbers of segment and type; the latter is negative if the type has none."""
        if kind < 0:
            kind = self._types.get(touchpoint_type, -1)
        number: i64 = 0
        if channel is not None:
            number = 1
            for each in self._channels:
                if each == channel:
                    break
                number += 1
        by_type = self._by_segment[segment]
        if 0 <= kind < len(by_type):
            by_channel = by_type[kind]
            if number < len(by_channel):
                cell = by_channel[number]
                if cell is not _NOTHING:
                    return cell
        return self._met(segment, touchpoint_type, channel)

    def touchpoints(self, persona: str | None, stage: str, touchpoint_type: str, channel: str | None) -> Cell:
        """The same by names."""
        key = (persona, stage, touchpoint_type, channel)
        cell = self._touchpoints.get(key)
        if cell is None:
            cell = self._touchpoints[key] = self._new(key)
        return cell

    def moves(self, persona: str | None, source: str | None, to: str, cause: str, rule: str | None) -> MoveCell:
        """The cell of a move."""
        key = (persona, source, to, cause, rule)
        move = self._moves.get(key)
        if move is None:
            stays = self._stays.setdefault((persona, source, to), {})
            move = self._moves[key] = MoveCell(self._new(key), stays)
        return move

    def stays(self, move: MoveCell, bucket: int) -> Cell:
        """The cell of stays of that length before a move."""
        cell = move.stays.get(bucket)
        if cell is None:
            persona, source, to = move.cell.key[:3]
            cell = move.stays[bucket] = self._new((persona, source, to, bucket))
        return cell

    def _new(self, key: Key) -> Cell:
        self._number += 1
        return Cell(key)

    def _met(self, segment: i64, touchpoint_type: str, channel: str | None) -> Cell:
        """A cell that has no place by numbers yet; it gets one if there are numbers left."""
        counted = self.counted
        persona, stage = counted.segments[segment]
        cell = self.touchpoints(persona, stage, touchpoint_type, channel)
        kind, number = self._type_number(touchpoint_type), self._channel_number(channel)
        if kind >= 0 and number >= 0:
            by_type = self._by_segment[segment]
            while len(by_type) <= kind:
                by_type.append([])
            by_channel = by_type[kind]
            while len(by_channel) <= number:
                by_channel.append(_NOTHING)
            by_channel[number] = cell
        return cell

    def _type_number(self, touchpoint_type: str) -> int:
        """The number of a type; -1 if there are none left."""
        number = self._types.get(touchpoint_type)
        if number is None:
            number = len(self._types)
            if number == len(self.counted.types) + _MORE_TYPES:
                return -1
            self._types[touchpoint_type] = number
        return number

    def _channel_number(self, channel: str | None) -> int:
        if channel is None:
            return 0
        if channel not in self._channels:
            if len(self._channels) == _CHANNELS - 1:
                return -1
            self._channels.append(channel)
        return self._channels.index(channel) + 1


_NO_SEGMENTS: Final = CountedSegments((), (), ())
_NOTHING: Final = Cell(())
"""In place of a cell that was not counted yet."""
