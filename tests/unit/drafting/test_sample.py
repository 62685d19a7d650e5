"""What a sample of touchpoints suggests."""

from etapa.drafting.sample import MOST_TYPES, Sample
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.units import DAY


def _sample(*touchpoints: tuple[str, str, int]) -> Sample:
    sample = Sample()
    for number, (customer, kind, day) in enumerate(touchpoints):
        sample.add(Touchpoint(str(number), customer, kind, day * DAY, None, {}, {"accepts_marketing": number % 2 == 0}))
    return sample


def test_times_come_from_the_customers_own_gaps_made_round() -> None:
    monthly = [(f"c-{customer}", "purchase", 28 * month) for customer in range(5) for month in range(4)]
    guessed = _sample(*monthly, ("c-1", "visit", 3), ("c-2", "visit", 3), ("c-2", "complaint", 9)).suggests("shop")
    assert guessed is not None
    assert guessed.conversion == "purchase"
    assert guessed.interest == ("visit",)
    assert guessed.trouble == ("complaint",)
    assert guessed.regular_within == 90 * DAY
    assert guessed.silent_after == 90 * DAY
    assert guessed.consent == "accepts_marketing"


def test_where_no_name_tells_the_rarest_type_is_what_all_leads_to() -> None:
    guessed = _sample(*[("a", "hello", day) for day in range(9)], ("a", "goodbye", 10)).suggests("x")
    assert guessed is not None
    assert guessed.conversion == "goodbye"


def test_nothing_suggests_nothing() -> None:
    assert Sample().suggests("x") is None


def test_a_sample_of_countless_types_stays_small() -> None:
    sample = _sample(*[("a", f"type-{number}", number) for number in range(MOST_TYPES + 50)])
    assert len(sample.types) == MOST_TYPES
