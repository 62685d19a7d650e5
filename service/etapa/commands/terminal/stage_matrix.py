"""Tables with a stage for each row and each column, no wider than the terminal.

Customers by their stages in two journeys, or stage changes by the stage left and the stage entered. Three shapes, the first
that fits: names above the columns; names on a staircase, each with a line down to its column; and, where there are too many
stages for either, a list of the stages left and entered.
"""

from collections.abc import Container, Iterator, Mapping, Sequence
from itertools import chain

import click

from etapa.rehearsal.sampling import Cell

NOBODY = "·"
GAP = "  "
ALL = "all"
TWO_JOURNEYS = "old ↓   new →"
TRANSITIONS = "from ↓   to →"
NOT_JUDGED = "(not judged)"
NEW_CUSTOMERS = "(new)"
MOST_LISTED = 20

Axis = Sequence[str | None]


def matrix(cells: Mapping[Cell, int], old: Sequence[str], new: Sequence[str], columns: int) -> Iterator[str]:
    """Customers by their stages in two journeys. `old` and `new`: the stages in order; a sign marks stages that only one journey has."""
    # None stands for customers whom a journey could not judge; normally there are none.
    rows = [*old, *([None] if any(row is None for row, _ in cells) else [])]
    heads = [*new, *([None] if any(head is None for _, head in cells) else [])]
    row_names = [_name(row, new, "-") for row in rows]
    head_names = [_name(head, old, "+") for head in heads]
    moved = {(row, head) for row in rows for head in heads if row != head}
    drawn = _drawn(cells, rows, heads, row_names, head_names, TWO_JOURNEYS, moved, columns)
    yield from _listed(cells, old, new) if drawn is None else drawn


def transition_matrix(transitions: Mapping[tuple[str | None, str], int], stages: Sequence[str], columns: int) -> Iterator[str]:
    """Stage changes by the stage left (None: new customers, in the first row) and the stage entered."""
    cells: dict[Cell, int] = {(source, to): count for (source, to), count in transitions.items()}
    rows = [*([None] if any(row is None for row, _ in cells) else []), *stages]
    row_names = [NEW_CUSTOMERS if row is None else row for row in rows]
    drawn = _drawn(cells, rows, stages, row_names, stages, TRANSITIONS, frozenset(), columns)
    yield from _listed(cells, stages, stages, NEW_CUSTOMERS) if drawn is None else drawn


def _drawn(
    cells: Mapping[Cell, int],
    rows: Axis,
    heads: Axis,
    row_names: Sequence[str],
    head_names: Sequence[str],
    corner: str,
    bright: Container[Cell],
    columns: int,
) -> Iterator[str] | None:
    """The lines of the table, with sums in its margins; None when it does not fit. Cells in `bright` are highlighted on a terminal."""
    table = [[cells.get((row, head), 0) for head in heads] for row in rows]
    table = [[*line, sum(line)] for line in table]
    table.append([sum(column) for column in zip(*table, strict=True)])
    row_names, head_names = [*row_names, ALL], [*head_names, ALL]
    left = max(map(len, [*row_names, corner]))
    number = max(len(f"{table[-1][-1]:,}"), len(ALL))
    widths = [max(number, len(name)) for name in head_names]
    head = [corner.ljust(left) + "".join(GAP + name.rjust(each) for name, each in zip(head_names, widths, strict=True))]
    if len(head[0]) > columns:
        widths = [number] * len(head_names)
        head = list(_staircase(head_names, number, corner.ljust(left)))
        if max(map(len, head)) > columns:
            return None
    styles = [[(row, column) in bright for column in heads] for row in rows]
    return chain(head, _body(row_names, table, widths, left, styles))


def _name(stage: str | None, others: Sequence[str], sign: str, nowhere: str = NOT_JUDGED) -> str:
    if stage is None:
        return nowhere
    return stage if stage in others else sign + stage


def _staircase(names: Sequence[str], number: int, corner: str) -> Iterator[str]:
    """The staircase of names; each begins above the last digit of its column."""
    step = len(GAP) + number
    for place, name in enumerate(names):
        start = corner if place == len(names) - 1 else " " * len(corner)
        yield start + "".join("│".rjust(step) for _ in range(place)) + " " * (step - 1) + name


def _body(
    names: Sequence[str], table: Sequence[Sequence[int]], widths: Sequence[int], left: int, bright: Sequence[Sequence[bool]]
) -> Iterator[str]:
    for row, (name, line) in enumerate(zip(names, table, strict=True)):
        cells = []
        for column, (count, width) in enumerate(zip(line, widths, strict=True)):
            in_margin = row == len(names) - 1 or column == len(line) - 1
            text = f"{count:,}" if count or in_margin else NOBODY
            stands_out = bool(count) and not in_margin and bright[row][column]
            padding = " " * (width - len(text))
            cells.append(GAP + padding + (click.style(text, fg="yellow", bold=True) if stands_out else text))
        yield name.ljust(left) + "".join(cells)


def _listed(cells: Mapping[Cell, int], old: Sequence[str], new: Sequence[str], nowhere: str = NOT_JUDGED) -> Iterator[str]:
    order = {stage: place for place, stage in enumerate([*old, *(stage for stage in new if stage not in old)])}
    moves = [(cell, count) for cell, count in cells.items() if cell[0] != cell[1]]
    moves.sort(key=lambda move: (-move[1], *(order.get(stage or "", len(order)) for stage in move[0])))
    number = max((len(f"{count:,}") for _, count in moves), default=0)
    left = max((len(_name(source, new, "-", nowhere)) for (source, _), _ in moves), default=0)
    for (source, to), count in moves[:MOST_LISTED]:
        yield f"{count:>{number},}  {_name(source, new, '-', nowhere):<{left}} → {_name(to, old, '+', nowhere)}"
    if len(moves) > MOST_LISTED:
        rest = sum(count for _, count in moves[MOST_LISTED:])
        yield f"{rest:>{number},}  in {len(moves) - MOST_LISTED} more ways; --json has all of them"
