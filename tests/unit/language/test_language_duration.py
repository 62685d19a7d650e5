"""Durations, as people write them."""

import pytest

from etapa.journey.duration import LONGEST, DurationError, format_duration, parse_duration
from etapa.journey.units import DAY, HOUR, MINUTE, SECOND, WEEK, YEAR


@pytest.mark.parametrize(
    ("text", "microseconds"),
    [
        ("45s", 45 * SECOND),
        ("10m", 10 * MINUTE),
        ("3h", 3 * HOUR),
        ("90d", 90 * DAY),
        ("2w", 2 * WEEK),
        ("1y", 365 * DAY),
        ("1d12h", DAY + 12 * HOUR),
        ("12h1d", DAY + 12 * HOUR),
        ("1y1w1d1h1m1s", YEAR + WEEK + DAY + HOUR + MINUTE + SECOND),
        ("0s", 0),
        ("1000y", LONGEST),
    ],
)
def test_durations_are_read_to_the_microsecond(text: str, microseconds: int) -> None:
    assert parse_duration(text) == microseconds


@pytest.mark.parametrize("text", ["", "90", "d", "-1d", "1.5h", "1 d", "1D", "90d ", "90d\n", "٣d", "1001y", "9" * 13 + "s", "1M", "P1D"])
def test_what_is_not_a_duration_is_refused(text: str) -> None:
    with pytest.raises(DurationError):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "written"),
    [("2w", "14d"), ("24h", "1d"), ("90d", "90d"), ("400d", "1y35d"), ("36h", "1d12h"), ("0d", "0s"), ("90s", "1m30s")],
)
def test_durations_are_written_the_usual_way(text: str, written: str) -> None:
    assert format_duration(parse_duration(text)) == written


def test_fractions_and_negative_durations_can_be_shown() -> None:
    assert [format_duration(each) for each in (1, 1_500_000, 61_000_001, -DAY)] == ["0.000001s", "1.5s", "1m1.000001s", "-1d"]
