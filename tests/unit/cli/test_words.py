"""Numbers in a readable form."""

import pytest

from etapa.commands.terminal.words import pace_text, size_text


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0 B"),
        (312, "312 B"),
        (1023.6, "1.00 KiB"),
        (198_000, "193 KiB"),
        (56_800_000, "54.2 MiB"),
        (1.81 * 2**30, "1.81 GiB"),
        (19_455.3 * 2**30, "19.0 TiB"),
        (9.999 * 2**30, "10.0 GiB"),
        (5000 * 2**50, "5,000 PiB"),
    ],
)
def test_a_size_is_said_in_three_digits(number: float, text: str) -> None:
    assert size_text(number) == text


@pytest.mark.parametrize(("per_second", "text"), [(0.4, "0 B/s"), (29.2, "29 B/s"), (6_260_000, "6.26 MB/s"), (999_600, "1.00 MB/s")])
def test_a_pace_is_said_in_three_digits(per_second: float, text: str) -> None:
    assert pace_text(per_second) == text
