"""What loading says about zones, dates and clocks: where, what was found, and what would be right."""

import pytest

from etapa.journey.language.kinds.clock import Hours, Times
from etapa.journey.language.load import load_journey
from etapa.journey.language.model import CustomerZone, Quiet
from etapa.journey.units import HOUR

STAGES = "stages: [{id: one}, {id: two}]\n"
BACK = "  - {id: back, from: two, to: one, when: {event: reset}}\n"


def found(condition: str, more: str = "") -> list[str]:
    text = f"journey: j\nversion: 1\n{more}{STAGES}rules:\n  - {{id: on, from: one, to: two, when: {condition}}}\n{BACK}"
    return [f"{each.severity}: {each.message}" for each in load_journey(text, "j.yaml").findings]


@pytest.mark.parametrize(
    "condition",
    [
        "{date: birthday, every: year, from: -7d, to: 1d}",
        "{date: birthday, every: month, from: -1w, to: 20d23h}",
        "{date: ends, from: 0d}",
        "{date: ends, to: -1d12h}",
        '{clock: {hours: "21:00-08:00"}}',
        '{clock: {hours: "00:00-12:00", days: mon}}',
        "{clock: {days: [sat, sun]}}",
        '{clock: {days: [mon, tue, wed, thu, fri, sat, sun], hours: "18:00-24:00"}}',
    ],
)
def test_these_load_without_a_finding(condition: str) -> None:
    assert found(condition) == []


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("{date: birthday}", "error: `date` needs `from`, `to` or both: from when on it holds, and until when"),
        ("{date: birthday, every: year, from: 0d}", "`date` with `every: year` needs both `from` and `to`"),
        ("{date: birthday, from: 1d, to: 1d}", "error: `to` (1d) is not after `from` (1d), so it is never true"),
        ("{date: birthday, every: year, from: 0d, to: 1y}", "from 0s to 1y must be less than 1y, the shortest year"),
        ("{date: birthday, every: month, from: 0d, to: 28d}", "from 0s to 28d must be less than 28d, the shortest month"),
        ("{date: birthday, every: week, from: 0d, to: 1d}", 'error: expected year or month, found text "week"'),
        ("{date: birthday, from: 7}", "expected a distance from the date, such as -7d, 0d or 1d12h, found number 7: its unit"),
        ("{date: birthday, from: +7d}", 'found text "+7d": leave the plus out'),
        ("{date: birthday, from: -1001y}", "is longer than 1000y"),
        ("{date: traits.birthday, from: 0d}", "warning: the trait is named without `traits.` before it: `birthday`"),
        ("{clock: {}}", "error: `clock` needs `days`, `hours` or both"),
        ("{clock: {days: []}}", "expected a list of weekdays, at least 1, found an empty list"),
        ("{clock: {days: monday}}", 'expected a weekday (mon, tue, wed, thu, fri, sat, sun), found text "monday"'),
        ("{clock: {days: [mon, tue, wed, thu, fri, sat, sun]}}", "error: `clock` with all seven days is always true: leave it out"),
        ('{clock: {hours: "00:00-24:00"}}', "error: `clock` with the whole day is always true: leave it out"),
        ('{clock: {hours: "09:00-09:00"}}', "the hours begin and end at the same time"),
        ('{clock: {hours: "9:00-18:00"}}', "hours have two digits"),
        ('{clock: {hours: "09:00-25:00"}}', 'expected hours such as "09:00-18:00"'),
        ('{clock: {days: [fri], hours: "21:00-08:00"}}', "hours that pass midnight cannot be combined with `days`"),
        ("{all: [{date: d, from: -3d, to: 0d}, {date: d, from: 0d}]}", "these conditions can never be true together"),
    ],
)
def test_what_cannot_be_meant_is_told(condition: str, message: str) -> None:
    assert any(message in each for each in found(condition)), found(condition)


@pytest.mark.parametrize(
    ("zone", "read"),
    [
        ("", CustomerZone(None, "UTC")),
        ("zone: America/La_Paz\n", CustomerZone(None, "America/La_Paz")),
        ("zone: {trait: timezone}\n", CustomerZone("timezone", "UTC")),
        ("zone: {trait: timezone, else: Asia/Kathmandu}\n", CustomerZone("timezone", "Asia/Kathmandu")),
    ],
)
def test_where_customers_are_is_read(zone: str, read: CustomerZone) -> None:
    journey = load_journey(f"journey: j\nversion: 1\n{zone}{STAGES}rules: []\n", "j.yaml").journey
    assert journey is not None
    assert journey.zone == read


@pytest.mark.parametrize(
    ("zone", "message"),
    [
        ("America/Lapaz", "did you mean `America/La_Paz`?"),
        ("america/la_paz", "did you mean `America/La_Paz`?"),
        ("UTC+2", "there is no time zone `UTC+2` in the zone data"),
        ("../../etc/passwd", "there is no time zone `../../etc/passwd`"),
        ("{else: UTC}", "`zone` needs `trait`"),
        ("{trait: timezone, else: Mars}", "there is no time zone `Mars`"),
    ],
)
def test_a_zone_that_does_not_exist_is_refused(zone: str, message: str) -> None:
    (finding,) = load_journey(f"journey: j\nversion: 1\nzone: {zone}\n{STAGES}rules: []\n", "j.yaml").findings[:1]
    assert message in finding.message
    assert finding.line == 3


CAMPAIGN = "campaigns: [{{id: hello, on: {{enter: two}}{own}}}]\n"


def quiet_in(own: str = "", file: str = "") -> tuple[list[str], Quiet | None]:
    text = f"journey: j\nversion: 1\n{file}{STAGES}rules:\n  - {{id: on, from: one, to: two, when: {{event: a}}}}\n{BACK}"
    loaded = load_journey(text + CAMPAIGN.format(own=own), "j.yaml")
    quiet = None if loaded.journey is None else loaded.journey.campaigns[0].quiet
    return [each.message for each in loaded.findings], quiet


def test_quiet_times_are_those_of_the_campaign_or_of_the_file() -> None:
    night = Quiet(Times(None, Hours(21 * HOUR, 8 * HOUR)), holds=True)
    everywhere = 'quiet: {hours: "21:00-08:00", then: hold}\n'
    assert quiet_in() == ([], None)
    assert quiet_in(file=everywhere) == ([], night)
    assert quiet_in(", quiet: none", everywhere) == ([], None)
    assert quiet_in(", quiet: {days: [sun], then: drop}", everywhere) == ([], Quiet(Times((6,), None), holds=False))


@pytest.mark.parametrize(
    ("quiet", "message"),
    [
        ('{hours: "21:00-08:00"}', "`quiet` needs `then`"),
        ('{hours: "21:00-08:00", then: wait}', 'expected hold or drop, found text "wait"'),
        ("{then: hold}", "`quiet` needs `days`, `hours` or both"),
        ("{days: [mon, tue, wed, thu, fri, sat, sun], then: hold}", "all seven days"),
        ('{hours: "21:00-08:00", days: [mon], then: hold}', "hours that pass midnight cannot be combined with `days`"),
        ('{hour: "21:00-08:00", then: hold}', "did you mean `hours`?"),
        ("no", 'found text "no"'),
    ],
)
def test_a_quiet_time_that_cannot_be_meant_is_told(quiet: str, message: str) -> None:
    found, _ = quiet_in(f", quiet: {quiet}")
    assert any(message in each for each in found), found
