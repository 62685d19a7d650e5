"""A table of customers by their stages in two journeys, as wide as the terminal allows and no wider.

Three shapes, the first that fits: names above the columns; names on a staircase, each with a line down to its column; and,
where there are too many stages for either, a list of the stages that customers would leave and enter.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

import click

from etapa.rehearsal.diff import Cell

NOBODY = "·"
GAP = "  "
ALL = "all"
CORNER = "old ↓   new →"
MOST_LISTED = 20

Axis = Sequence[str | None]


def matrix(cells: Mapping[Cell, int], old: Sequence[str], new: Sequence[str], columns: int) -> Iterator[str]:
    """Lines of the table. `old` and `new`: stages in the order of each journey; one in front of a stage that only one of them has."""
    rows = _axis(old, {cell[0] for cell in cells})
    heads = _axis(new, {cell[1] for cell in cells})
    table = [[cells.get((row, head), 0) for head in heads] for row in rows]
    table = [[*line, sum(line)] for line in table]
    table.append([sum(column) for column in zip(*table, strict=True)])
    row_names = [_name(row, new, "-") for row in rows] + [ALL]
    head_names = [_name(head, old, "+") for head in heads] + [ALL]
    left = max(map(len, [*row_names, CORNER]))
    number = max(len(f"{table[-1][-1]:,}"), len(ALL))
    wide = [max(number, len(name)) for name in head_names]
    if left + sum(len(GAP) + each for each in wide) <= columns:
        yield CORNER.ljust(left) + "".join(GAP + name.rjust(each) for name, each in zip(head_names, wide, strict=True))
        yield from _body(row_names, table, wide, left, _alike(rows, heads))
        return
    narrow = [number] * len(head_names)
    stairs = list(_staircase(head_names, number, left))
    if max(map(len, stairs)) <= columns:
        yield from stairs
        yield from _body(row_names, table, narrow, left, _alike(rows, heads))
        return
    yield from _listed(cells, old, new)


def _axis(stages: Sequence[str], found: set[str | None]) -> Axis:
    """None stands for those whom the journey could not judge; there are none of them, unless something is wrong."""
    return [*stages, *([None] if None in found else [])]


def _name(stage: str | None, others: Sequence[str], sign: str) -> str:
    if stage is None:
        return "(not judged)"
    return stage if stage in others else sign + stage


def _alike(rows: Axis, heads: Axis) -> Callable[[int, int], bool]:
    """Whether a cell is that of customers who stay where they are."""
    return lambda row, column: row < len(rows) and column < len(heads) and rows[row] == heads[column]


def _staircase(names: Sequence[str], number: int, left: int) -> Iterator[str]:
    """Each name begins above the last digit of its column."""
    step = len(GAP) + number
    for place, name in enumerate(names):
        start = CORNER.ljust(left) if place == len(names) - 1 else " " * left
        yield start + "".join("│".rjust(step) for _ in range(place)) + " " * (step - 1) + name


def _body(
    names: Sequence[str], table: Sequence[Sequence[int]], widths: Sequence[int], left: int, alike: Callable[[int, int], bool]
) -> Iterator[str]:
    for row, (name, line) in enumerate(zip(names, table, strict=True)):
        cells = []
        for column, (count, width) in enumerate(zip(line, widths, strict=True)):
            in_margin = row == len(names) - 1 or column == len(line) - 1
            text = f"{count:,}" if count or in_margin else NOBODY
            moved = bool(count) and not in_margin and not alike(row, column)
            padding = " " * (width - len(text))
            cells.append(GAP + padding + (click.style(text, fg="yellow", bold=True) if moved else text))
        yield name.ljust(left) + "".join(cells)


def _listed(cells: Mapping[Cell, int], old: Sequence[str], new: Sequence[str]) -> Iterator[str]:
    order = {stage: place for place, stage in enumerate([*old, *(stage for stage in new if stage not in old)])}
    moves = [(cell, count) for cell, count in cells.items() if cell[0] != cell[1]]
    moves.sort(key=lambda move: (-move[1], *(order.get(stage or "", len(order)) for stage in move[0])))
    number = max((len(f"{count:,}") for _, count in moves), default=0)
    left = max((len(_name(source, new, "-")) for (source, _), _ in moves), default=0)
    for (source, to), count in moves[:MOST_LISTED]:
        yield f"{count:>{number},}  {_name(source, new, '-'):<{left}} → {_name(to, old, '+')}"
    if len(moves) > MOST_LISTED:
        rest = sum(count for _, count in moves[MOST_LISTED:])
        yield f"{rest:>{number},}  in {len(moves) - MOST_LISTED} more ways; --json has all of them"
