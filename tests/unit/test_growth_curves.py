"""When a curve of growing cost counts as having a cliff."""

from bench.growth import rules_in_words
from bench.reporting.figures import RULES_SECTION, Curve, CurvePoint


def curve(section: str, *points: tuple[int, float]) -> Curve:
    return Curve(section, "made up", [CurvePoint(x, cpu) for x, cpu in points])


def test_a_flat_curve_has_no_cliff() -> None:
    assert not curve("customers", (10_000, 15.0), (100_000, 17.0), (1_000_000, 16.0)).has_cliff()


def test_more_than_twice_as_dear_from_one_point_to_the_next_is_a_cliff() -> None:
    assert curve("customers", (10_000, 15.0), (100_000, 31.0)).has_cliff()
    assert not curve("customers", (10_000, 15.0), (100_000, 29.0)).has_cliff()


def test_rules_may_cost_in_proportion_to_their_number_and_no_more() -> None:
    assert not curve(RULES_SECTION, (20, 10.0), (50, 25.0)).has_cliff()
    assert curve(RULES_SECTION, (20, 10.0), (50, 40.0)).has_cliff()


def test_the_largest_step_is_told_with_its_place() -> None:
    assert curve("partitions", (1, 10.0), (2, 11.0), (4, 22.0), (8, 20.0)).steepest() == (2.0, 2, 4)


def test_many_rules_are_compared_with_few_in_words() -> None:
    curves = [
        curve(RULES_SECTION, (20, 10.0), (200, 25.0), (1_000, 61.0)),
        curve(RULES_SECTION, (20, 10.0), (200, 20.0)),
        curve(RULES_SECTION, (5, 10.0), (50, 20.0)),
        curve("customers", (20, 10.0), (200, 20.0)),
    ]
    assert rules_in_words(curves, 20, 200).splitlines() == [
        "- made up: with 200 rules a touchpoint costs 2.5 times as much as with 20; with 1,000 it costs 61.0 µs.",
        "- made up: with 200 rules a touchpoint costs 2.0 times as much as with 20.",
    ]
