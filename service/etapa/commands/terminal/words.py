"""Small pieces of prose that several commands print: numbers with their noun, durations, clauses."""

import shutil
from collections.abc import Sequence

from etapa.journey.duration import format_duration
from etapa.journey.engine.facts.changes import Clause
from etapa.journey.language.kinds.wording import value_text
from etapa.journey.units import SECOND

NARROWEST = 40
"""Narrower terminals are treated as if they had this width."""


def counted(number: int, word: str) -> str:
    """`1 rule`, `1,200 rules`."""
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def size_text(number: float) -> str:
    """Bytes with three digits in a suitable unit: `312 B`, `1.81 GiB`, `19.0 TiB`."""
    return _scaled(number, 1024, ("B", "KiB", "MiB", "GiB", "TiB", "PiB"))


def pace_text(per_second: float) -> str:
    """Bytes a second: `29.2 B/s`, `6.26 MB/s`."""
    return _scaled(per_second, 1000, ("B/s", "kB/s", "MB/s", "GB/s", "TB/s"))


def _scaled(number: float, step: int, units: Sequence[str]) -> str:
    place = 0
    # 999.5, rounded to three digits, is a thousand.
    while number >= step * 0.9995 and place < len(units) - 1:
        number /= step
        place += 1
    decimals = 0 if place == 0 or number >= 99.95 else 1 if number >= 9.995 else 2
    return f"{number:,.{decimals}f} {units[place]}"


def clause_text(clause: Clause) -> str:
    """A condition and what it saw: `count(purchase, 90d) >= 3, saw 2`."""
    text = _seen_text(clause)
    return text if clause.exact else f"{text}, {not_exact(clause.off_by_at_most, clause.observed)}"


def _seen_text(clause: Clause) -> str:
    kind = clause.condition.removeprefix("not ").partition("(")[0]
    seen = clause.observed
    match kind, seen:
        case "event", None:
            return f"{clause.condition}, and nothing just happened"
        case "event", str() if clause.condition.startswith((f"event({seen})", f"event({seen} where ")):
            return clause.condition
        case "absent" | "idle", None if clause.condition.startswith("not "):
            # Nothing was ever seen, so it fails only because the customer is too new.
            return f"{clause.condition}, never seen, but the customer has not been known for that long"
        case "absent" | "idle", None:
            return f"{clause.condition}, never seen"
        case "absent" | "idle", str():
            return f"{clause.condition}, last at {seen}"
        case "in_stage", int() | float():
            return f"{clause.condition}, for {format_duration(round(seen * SECOND))}"
        case "clock", str():
            return f"{clause.condition}, on {seen} there"
        case "date", None:
            return f"{clause.condition}, and there is no date that can be read"
        case "sequence", int():
            return f"{clause.condition}, {counted(seen, 'step')} taken"
        case _, float():
            return f"{clause.condition}, saw {seen:.10g}"
        case _:
            return f"{clause.condition}, saw {'nothing' if seen is None else value_text(seen)}"


def not_exact(off_by_at_most: float | None, observed: object) -> str:
    """Says that what was observed is not exact, and by how much it may be off."""
    if off_by_at_most is not None:
        # The error of a time is in seconds.
        off = format_duration(round(off_by_at_most * SECOND)) if isinstance(observed, str) else f"{off_by_at_most:.10g}"
        bound = f"may be off by {off}"
    elif isinstance(observed, int | float):
        bound = "is an estimate"
    else:
        return "which may be wrong, because not all of it was kept"
    return f"which {bound}, because more matched than is kept one by one"


def width() -> int:
    """Columns of the terminal, 80 when there is none; `COLUMNS` wins."""
    return max(NARROWEST, shutil.get_terminal_size((80, 24)).columns)
