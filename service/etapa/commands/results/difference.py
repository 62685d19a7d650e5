"""A failed test for people: expected and actual changes side by side, each with what decided it, and why the first missing one did not happen."""

import textwrap
from collections.abc import Iterator, Sequence

import click

from etapa.commands.terminal.words import clause_text, counted
from etapa.hosting.foreign_text import printable
from etapa.journey.duration import format_duration
from etapa.journey.language.model import ExpectedChange
from etapa.rehearsal.alignment import Row
from etapa.rehearsal.missing_change import Absence
from etapa.rehearsal.scenarios import ScenarioMove, ScenarioOutcome

MARGIN = "  "
GAP = "   "
NARROWEST_REASONS = 34
"""With less room than this beside the changes, what decided is printed below each."""

Cell = tuple[str, str]
"""Time and stage."""

NOTHING: Cell = ("", "")


def difference(outcome: ScenarioOutcome, absence: Absence | None, columns: int) -> list[str]:
    """The lines, without the heading that names the test."""
    lines: list[str] = []
    if outcome.changes_differ:
        lines += _table(outcome.rows, columns)
        if absence is not None:
            lines += ["", *_absence(absence, columns)]
    for sentence in (*outcome.problems, *outcome.run.failures):
        lines += (
            ["", *_wrapped(printable(sentence), columns, MARGIN, MARGIN)]
            if lines
            else _wrapped(printable(sentence), columns, MARGIN, MARGIN)
        )
    return lines


def in_short(outcome: ScenarioOutcome) -> str:
    """What is wrong, on one line."""
    parts = []
    differing = sum(row.differs for row in outcome.rows)
    if differing:
        parts.append(f"{counted(differing, 'stage change')} {'differs' if differing == 1 else 'differ'}")
    return "; ".join([*parts, *outcome.problems, *outcome.run.failures])


def _table(rows: Sequence[Row[ScenarioMove]], columns: int) -> Iterator[str]:
    left = [_cell(row.expected) for row in rows]
    right = [_cell(None if row.actual is None else row.actual.as_expected()) for row in rows]
    times = [max(len(at) for at, _ in cells) for cells in (left, right)]
    stages = [
        max(len(stage) for _, stage in (*cells, ("", head[time + 1 :])))
        for cells, head, time in zip((left, right), ("expected", "actual"), times, strict=True)
    ]
    widths = [time + 1 + stage for time, stage in zip(times, stages, strict=True)]
    before = len(MARGIN) + 2 + widths[0] + len(GAP) + widths[1] + len(GAP)
    beside = columns - before >= NARROWEST_REASONS
    indent = " " * (before if beside else len(MARGIN) + 6)
    yield f"{MARGIN}  {'expected':<{widths[0]}}{GAP}{'actual':<{widths[1]}}".rstrip()
    for row, expected, actual in zip(rows, left, right, strict=True):
        cells = [
            _coloured(f"{at:>{time}} {stage}", time + 1 + width, colour if row.differs else None)
            for (at, stage), time, width, colour in zip((expected, actual), times, stages, ("red", "green"), strict=True)
        ]
        reasons = [] if row.actual is None else list(_reasons(row.actual, columns - len(indent)))
        first = reasons.pop(0) if beside and reasons else ""
        yield f"{MARGIN}{_mark(row)} {cells[0]}{GAP}{cells[1]}{GAP}{first}".rstrip()
        yield from (indent + reason for reason in reasons)


def _coloured(text: str, columns: int, colour: str | None) -> str:
    """Padded outside the colour codes, so that trailing blanks can be stripped."""
    return (click.style(text, fg=colour) if colour and text.strip() else text) + " " * (columns - len(text))


def _cell(change: ExpectedChange | None) -> Cell:
    return NOTHING if change is None else (format_duration(change.at), change.to)


def _mark(row: Row[ScenarioMove]) -> str:
    if not row.differs:
        return " "
    if row.actual is None:
        return "-"
    return "+" if row.expected is None else "!"


def _reasons(move: ScenarioMove, columns: int) -> Iterator[str]:
    """The rule, and its clauses below it."""
    if move.rule is None:
        yield "(another id of the customer)" if move.cause == "link" else "(a new customer)"
        return
    yield move.rule + (", by the clock" if move.cause == "timer" else "")
    for clause in move.because:
        yield from _wrapped(printable(clause_text(clause)), columns, "  ", "    ")


def _absence(absence: Absence, columns: int) -> Iterator[str]:
    at = format_duration(absence.expected.at)
    yield from _wrapped(f"Why not {absence.expected.to} at {at}: {absence.reason}", columns, MARGIN, MARGIN + "  ")
    for rule, clauses in absence.rules:
        yield f"{MARGIN}  {rule} did not hold:"
        for clause in clauses:
            yield from _wrapped(printable(clause_text(clause)), columns, MARGIN + "    ", MARGIN + "      ")


def _wrapped(text: str, columns: int, first: str, others: str) -> list[str]:
    return textwrap.wrap(text, max(columns, len(others) + 20), initial_indent=first, subsequent_indent=others, break_on_hyphens=False)
