"""Times as other systems write them."""

from typing import Any

import pytest

from etapa.contracts.rfc3339 import format_time
from etapa.sources.language.model import Unit
from etapa.sources.times import LocalTime, NoTime, time_of_number

UNITS: tuple[Unit, ...] = ("s", "ms", "us", "ns")


@pytest.mark.parametrize(
    ("value", "unit", "time"),
    [
        (1767604800, "s", "2026-01-05T09:20:00Z"),
        (1767604800.25, "s", "2026-01-05T09:20:00.250000Z"),
        (1767604800123, "ms", "2026-01-05T09:20:00.123000Z"),
        ("1767604800000001", "us", "2026-01-05T09:20:00.000001Z"),
        (1767604800000001999, "ns", "2026-01-05T09:20:00.000001Z"),
        ("1767604800123", "ms", "2026-01-05T09:20:00.123000Z"),
        ("0000000000000000001767604800", "s", "2026-01-05T09:20:00Z"),
        ("253402300799999999", "us", "9999-12-31T23:59:59.999999Z"),
        (-1, "s", "1969-12-31T23:59:59Z"),
    ],
)
def test_a_number_counts_units_since_1970(value: Any, unit: Unit, time: str) -> None:
    assert format_time(time_of_number(value, unit)) == time


@pytest.mark.parametrize("value", ["yesterday", "", True, None, [1], 10**30, 1e308, -1e308, float("inf"), float("nan"), "9" * 22, "9" * 31])
def test_what_is_no_such_number_is_refused(value: Any) -> None:
    for unit in UNITS:
        with pytest.raises(NoTime, match=rf"expected a (number of {unit} since 1970|time within)"):
            time_of_number(value, unit)


@pytest.mark.parametrize(
    ("text", "zone", "form", "time"),
    [
        ("2026-01-05 09:20:00.123", "UTC", None, "2026-01-05T09:20:00.123000Z"),
        ("2026-01-05", "America/La_Paz", None, "2026-01-05T04:00:00Z"),
        ("05/01/2026 09:20", "America/La_Paz", "%d/%m/%Y %H:%M", "2026-01-05T13:20:00Z"),
        ("2026-01-05T09:20:00+02:00", "America/La_Paz", None, "2026-01-05T07:20:00Z"),
        # Clocks jump from 02:00 to 03:00, and in autumn from 03:00 back to 02:00.
        ("2026-03-29 02:30:00", "Europe/Berlin", None, "2026-03-29T01:00:00Z"),
        ("2026-10-25 02:30:00", "Europe/Berlin", None, "2026-10-25T00:30:00Z"),
        # Half an hour only.
        ("2026-10-04 02:15:00", "Australia/Lord_Howe", None, "2026-10-03T15:30:00Z"),
        # A whole day that was skipped.
        ("2011-12-30 12:00:00", "Pacific/Apia", None, "2011-12-30T10:00:00Z"),
    ],
)
def test_local_text_is_read_in_its_zone(text: str, zone: str, form: str | None, time: str) -> None:
    assert format_time(LocalTime(zone, form).read(text)) == time


@pytest.mark.parametrize("value", ["5/1/26", "", 5, None, "2026-02-30", "0001-01-01"])
def test_what_is_no_time_is_refused(value: Any) -> None:
    with pytest.raises(NoTime, match="expected a time"):
        LocalTime("Asia/Kathmandu", None).read(value)


@pytest.mark.parametrize(
    ("text", "order", "form"),
    [
        ("31/12/2025 10:00", "day/month/year", "%d/%m/%Y %H:%M"),
        ("12/31/25", "month/day/year", "%m/%d/%y"),
        ("5.1.2026 9:20:00", "day.month.year or month.day.year", "%d.%m.%Y %H:%M:%S"),
    ],
)
def test_a_time_that_is_written_otherwise_is_told_with_the_form_that_reads_it(text: str, order: str, form: str) -> None:
    with pytest.raises(NoTime) as refusal:
        LocalTime("UTC", None).read(text)
    told = f'expected a time in ISO 8601, found {order}; in a source file: {{of: …, zone: …, form: "{form}"}}'
    assert str(refusal.value) == told
    assert LocalTime("UTC", form).read(text) > 0
    with pytest.raises(NoTime, match=r"expected a time in ISO 8601$"):
        LocalTime("UTC", None).read("tomorrow")
