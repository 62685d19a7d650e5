"""Tables in plain text."""

from collections.abc import Sequence


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Columns as wide as needed; those with numbers or durations are aligned to the right."""
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    right = [all(row[column] == "-" or row[column][:1].isdigit() for row in rows) for column in range(len(head))]
    return [
        "  ".join(
            f"{cell:>{width}}" if to_right else f"{cell:<{width}}" for cell, width, to_right in zip(row, widths, right, strict=True)
        ).rstrip()
        for row in (head, *rows)
    ]
