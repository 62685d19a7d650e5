"""Times as text and as microseconds."""

import pytest

from etapa.contracts.rfc3339 import EARLIEST, LATEST, format_time, parse_time


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (1_795_255_200_000_000, "2026-11-21T10:00:00Z"),
        (1_795_255_200_000_001, "2026-11-21T10:00:00.000001Z"),
        (1_795_255_200_250_000, "2026-11-21T10:00:00.250000Z"),
        (-1, "1969-12-31T23:59:59.999999Z"),
        (EARLIEST, "0001-01-01T00:00:00Z"),
        (LATEST, "9999-12-31T23:59:59.999999Z"),
    ],
)
def test_a_time_is_written_and_read_back(at: int, text: str) -> None:
    assert format_time(at) == text
    assert parse_time(text) == at


@pytest.mark.parametrize("at", [EARLIEST - 1, LATEST + 1, 2**63])
def test_a_time_that_cannot_be_written_is_an_overflow(at: int) -> None:
    with pytest.raises(OverflowError):
        format_time(at)


@pytest.mark.parametrize("text", ["", "now", "2026-11-21", "2026-11-21T10:00:00", "9999-12-31T23:59:59-10:00", "\ud800", "x" * 100_000])
def test_what_is_no_time_says_what_would_be(text: str) -> None:
    with pytest.raises(ValueError, match="write it as RFC 3339 with an offset, such as 2026-11-21T10:00:00Z") as raised:
        parse_time(text)
    assert len(str(raised.value)) < 150
