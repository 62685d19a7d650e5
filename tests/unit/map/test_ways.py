"""Where customers leave the ideal path, how many do, and how long it takes them to come back."""

from etapa.journey.map.ways import Detour, Ways
from etapa.journey.units import DAY

IDEAL = ("look", "try", "buy")
STAGES = ("new", *IDEAL, "gone")


def _gone(ways: Ways, customer: str, *stages: tuple[int, str], persona: str | None = None) -> None:
    source = None
    for day, stage in stages:
        ways.moved(customer, source, stage, day * DAY, f"to-{stage}", persona)
        source = stage


def test_a_customer_who_goes_back_loses_the_time_until_it_is_where_it_was() -> None:
    ways = Ways(IDEAL, STAGES)
    _gone(ways, "ana", (0, "look"), (1, "try"), (2, "look"), (5, "try"), (6, "buy"))
    assert ways.figures().detours == (Detour("try", "look", {"to-look": 1}, customers=1, times=1, lost=3 * DAY),)


def test_a_detour_is_the_move_that_began_it_whatever_follows() -> None:
    ways = Ways(IDEAL, STAGES)
    _gone(ways, "ana", (0, "look"), (1, "try"), (2, "gone"), (4, "look"), (9, "buy"))
    assert [(each.source, each.to, each.lost) for each in ways.figures().detours] == [("try", "gone", 7 * DAY)]


def test_who_has_not_come_back_loses_time_up_to_the_end() -> None:
    ways = Ways(IDEAL, STAGES)
    _gone(ways, "ana", (0, "look"), (1, "gone"))
    assert ways.figures(until=11 * DAY).detours[0].lost == 10 * DAY


def test_detours_of_most_customers_come_first_and_then_those_that_cost_most() -> None:
    ways = Ways(IDEAL, STAGES)
    _gone(ways, "ana", (0, "look"), (1, "try"), (2, "gone"))
    _gone(ways, "ben", (0, "look"), (1, "gone"))
    _gone(ways, "eva", (0, "look"), (1, "gone"), (2, "look"), (3, "gone"), (9, "look"))
    found = [(each.source, each.customers, each.times) for each in ways.figures().detours]
    assert found == [("look", 2, 3), ("try", 1, 1)]


def test_a_stage_skipped_is_no_detour_but_does_not_fit_either() -> None:
    ways = Ways(IDEAL, STAGES)
    _gone(ways, "ana", (0, "look"), (1, "buy"))
    figures = ways.figures()
    assert figures.detours == ()
    assert (figures.on_way, figures.conformance) == (0, 0.5)


def test_where_everybody_begins_may_lie_before_the_ideal_way() -> None:
    ways = Ways(IDEAL, STAGES)
    _gone(ways, "ana", (0, "new"), (1, "look"), (2, "try"))
    figures = ways.figures()
    assert (figures.customers, figures.on_way, figures.conformance, figures.detours) == (1, 1, 1.0, ())


def test_ways_and_rules_of_one_persona_are_told_apart() -> None:
    ways = Ways(IDEAL, STAGES)
    _gone(ways, "ana", (0, "look"), (1, "gone"), persona="student")
    _gone(ways, "ben", (0, "look"), (1, "try"))
    assert ways.figures(persona="student").customers == 1
    assert ways.figures(persona="student").detours[0].rules == {"to-gone": 1}
    assert ways.rules() == {("look", "gone"): {"to-gone": 1}, ("look", "try"): {"to-try": 1}}


def test_of_a_span_of_time_count_those_who_moved_in_it_and_what_they_did_there() -> None:
    ways = Ways(IDEAL, STAGES, since=3 * DAY, to=8 * DAY)
    _gone(ways, "ana", (0, "look"), (1, "gone"))
    _gone(ways, "ben", (0, "look"), (1, "gone"), (2, "look"), (4, "gone"), (7, "look"), (9, "gone"))
    figures = ways.figures(until=8 * DAY)
    assert (figures.customers, figures.reached["gone"]) == (1, 1)
    assert figures.detours == (Detour("look", "gone", {"to-gone": 1}, customers=1, times=1, lost=3 * DAY),)
    assert ways.rules() == {("look", "gone"): {"to-gone": 1}, ("gone", "look"): {"to-look": 1}}
