"""What loading says about windows: where, what was found, and what would be right; and what follows from them."""

import pytest

from etapa.journey.language.kinds.table import CONDITIONS
from etapa.journey.language.load import load_journey
from etapa.journey.language.matching.windows import EVER, UNITS, Calendar, Window
from etapa.journey.units import DAY, HOUR

STAGES = "stages: [{id: one}, {id: two}]\n"
BACK = "  - {id: back, from: two, to: one, when: {event: reset}}\n"
SUMS = {
    "sum": "sum: properties.v, of: a",
    "avg": "avg: properties.v, of: a",
    "min": "min: properties.v, of: a",
    "max": "max: properties.v, of: a",
}
KINDS = {"count": "count: a", "days": "days: a", "distinct": "distinct: channel, of: a", "last": "last: properties.v, of: a", **SUMS}


def found(condition: str) -> list[str]:
    text = f"journey: j\nversion: 1\n{STAGES}rules:\n  - {{id: on, from: one, to: two, when: {condition}}}\n{BACK}"
    return [f"{each.line}:{each.column}: {each.severity}: {each.message}" for each in load_journey(text, "j.yaml").findings]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "window", ["within: 30d", "before: 30d", "within: 60d, before: 30d", "calendar: this day", "calendar: last quarter"]
)
def test_every_kind_that_looks_at_a_time_takes_every_window(kind: str, window: str) -> None:
    assert found(f"{{{KINDS[kind]}, {window}, gte: 3}}") == []


@pytest.mark.parametrize("kind", sorted(CONDITIONS.keys() - KINDS.keys() - {"all", "any", "not"}))
def test_no_other_kind_takes_a_calendar(kind: str) -> None:
    assert any("unknown key `calendar`" in each for each in found(f"{{{kind}: a, calendar: this day}}"))


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("{count: a, calendar: this year, within: 3d, gte: 1}", ": error: `calendar` stands alone"),
        ("{count: a, before: 3d, calendar: this year, gte: 1}", "leave `before` out"),
        ("{count: a, within: 3d, before: 3d, gte: 1}", "`within` (3d) does not reach back beyond `before` (3d), so nothing ever lies"),
        ("{count: a, calendar: this yaer, gte: 1}", 'found text "this yaer"; did you mean `this year`?'),
        ("{count: a, calendar: year, gte: 1}", "expected this or last, and one of day, week, month, quarter or year"),
        ("{count: a, calendar: This Month, gte: 1}", "did you mean `this month`?"),
        ("{count: a, calendar: [this year], gte: 1}", "expected this or last, and a unit, such as `this year`, found a list"),
        ("{count: a, before: 0d, gte: 1}", "expected a duration longer than 0s"),
        ("{count: a, before: 30, gte: 1}", "its unit (s, m, h, d, w or y) is missing"),
        ("{count: a, befor: 30d, gte: 1}", "did you mean `before`?"),
        ("{days: a, within: 30d}", "`days` needs a comparison"),
        ("{days: a, within: 30d, gte: 0}", "always true of a number of days"),
        ("{days: a, within: 30d, contains: 3}", "`contains`"),
        ("{days: a, of: b, gte: 3}", "unknown key `of`"),
        ("{count: a, calendar: this year, gte: 300}", "5:77: warning: a count within a window is always exact up to 256"),
        ("{all: [{count: a, calendar: last week, gte: 1}, {absent: a, for: 30d}]}", "exclude each other"),
        ("{any: [{days: a, within: 3d, gte: 2}, {not: {days: a, within: 3d, before: 1d, gte: 2}}]}", "cannot both be false"),
    ],
)
def test_what_cannot_be_meant_is_told(condition: str, message: str) -> None:
    assert any(message in each for each in found(condition)), found(condition)


@pytest.mark.parametrize(
    ("window", "words"),
    [
        (EVER, ""),
        (Window(30 * DAY), ", 30d"),
        (Window(before=36 * HOUR), ", 1d12h ago or earlier"),
        (Window(60 * DAY, 30 * DAY), ", between 60d and 30d ago"),
        (Window(calendar=Calendar("quarter")), ", this quarter"),
        (Window(calendar=Calendar("week", last=True)), ", last week"),
    ],
)
def test_windows_can_be_read_out(window: Window, words: str) -> None:
    assert window.text() == words


def test_a_window_lies_in_one_that_reaches_further_both_ways() -> None:
    month = Window(30 * DAY)
    assert month.lies_in(EVER)
    assert month.lies_in(Window(31 * DAY))
    assert Window(30 * DAY, DAY).lies_in(month)
    assert Window(before=2 * DAY).lies_in(Window(before=DAY))
    assert not month.lies_in(Window(30 * DAY, DAY))
    assert not EVER.lies_in(month)
    assert not Window(before=DAY).lies_in(month)
    this_year = Window(calendar=Calendar("year"))
    assert this_year.lies_in(this_year)
    assert this_year.lies_in(EVER)
    assert not Window(DAY).lies_in(this_year)
    assert not this_year.lies_in(Window(1000 * DAY))


def test_a_calendar_reaches_back_over_its_whole_period() -> None:
    assert [Calendar(unit).reach() // DAY for unit in UNITS] == [4, 10, 34, 95, 369]
    assert [Calendar(unit, last=True).reach() // DAY for unit in UNITS] == [5, 17, 65, 187, 735]
