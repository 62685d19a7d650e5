"""Where customers leave the ideal path, how many do, and how long it takes them to come back."""

from etapa.journey.map.ways import Detour, ShownSpan, WayFigures, ways_of
from etapa.journey.units import DAY, SECOND
from tests.reference.ways import WayStep
from tests.support.counted_ways import ledger_of

IDEAL = ("look", "try", "buy")
END = 12 * DAY


def _gone(customer: str, *stages: tuple[int, str], persona: str | None = None) -> list[WayStep]:
    sources = [None, *(stage for _, stage in stages)]
    return [
        WayStep(customer, source, stage, day * DAY, f"to-{stage}", persona) for source, (day, stage) in zip(sources, stages, strict=False)
    ]


def _ways(*gone: list[WayStep], since: int | None = None, ends: int = END, persona: str | None = None) -> WayFigures:
    found = ways_of(ledger_of([step for steps in gone for step in steps], IDEAL), ShownSpan(since, ends, persona))
    assert found is not None
    return found


def _days(days: int) -> int:
    return days * DAY // SECOND


def test_a_customer_who_goes_back_loses_the_time_until_it_is_where_it_was() -> None:
    found = _ways(_gone("ana", (0, "look"), (1, "try"), (2, "look"), (5, "try"), (6, "buy")))
    assert found.detours == (Detour("try", "look", {"to-look": 1}, customers=1, times=1, lost=_days(3)),)


def test_a_detour_is_the_move_that_began_it_whatever_follows() -> None:
    found = _ways(_gone("ana", (0, "look"), (1, "try"), (2, "gone"), (4, "look"), (9, "buy")))
    assert [(each.source, each.to, each.lost) for each in found.detours] == [("try", "gone", _days(7))]


def test_who_has_not_come_back_loses_time_up_to_the_end() -> None:
    assert _ways(_gone("ana", (0, "look"), (1, "gone")), ends=11 * DAY).detours[0].lost == _days(10)


def test_detours_of_most_customers_come_first_and_then_those_that_cost_most() -> None:
    found = _ways(
        _gone("ana", (0, "look"), (1, "try"), (2, "gone")),
        _gone("ben", (0, "look"), (1, "gone")),
        _gone("eva", (0, "look"), (1, "gone"), (2, "look"), (3, "gone"), (9, "look")),
    )
    assert [(each.source, each.customers, each.times) for each in found.detours] == [("look", 2, 3), ("try", 1, 1)]


def test_a_stage_skipped_is_no_detour_but_does_not_fit_either() -> None:
    found = _ways(_gone("ana", (0, "look"), (1, "buy")))
    assert found.detours == ()
    assert (found.on_way, found.fitness) == (0, 0.5)


def test_where_everybody_begins_may_lie_before_the_ideal_way() -> None:
    found = _ways(_gone("ana", (0, "new"), (1, "look"), (2, "try")))
    assert (found.customers, found.on_way, found.fitness, found.detours) == (1, 1, 1.0, ())


def test_ways_of_one_persona_are_told_apart() -> None:
    found = _ways(_gone("ana", (0, "look"), (1, "gone"), persona="student"), _gone("ben", (0, "look"), (1, "try")), persona="student")
    assert (found.customers, found.on_way, found.steps, found.deviations) == (1, 0, 2, 1)
    assert found.detours[0].rules == {"to-gone": 1}


def test_of_a_span_of_time_counts_what_happened_in_it_and_who_was_there_at_its_end() -> None:
    found = _ways(
        _gone("ana", (0, "look"), (1, "gone")),
        _gone("ben", (0, "look"), (1, "gone"), (2, "look"), (4, "gone"), (7, "look"), (9, "gone")),
        _gone("eva", (9, "look")),
        since=3 * DAY,
        ends=8 * DAY,
    )
    assert (found.customers, found.on_way, found.steps, found.deviations) == (2, 0, 2, 2)
    # Ana has been away for all of the five days, Ben for three; how many had been away before is not known.
    assert found.detours == (Detour("look", "gone", {"to-gone": 1}, customers=None, times=1, lost=_days(8)),)


def test_a_detour_that_lasts_is_shown_where_nobody_began_one() -> None:
    found = _ways(_gone("ana", (0, "look"), (1, "gone")), since=3 * DAY, ends=8 * DAY)
    assert found.detours == (Detour("look", "gone", {}, customers=None, times=0, lost=_days(5)),)
