"""Drafts of journeys: whatever the answers, the file loads, its tests pass, and the tests reach every rule."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etapa.drafting.answers import Answers, conversion_among, is_trouble, journey_id
from etapa.drafting.draft import DraftedStory, DraftError, draft, drafted_tests
from etapa.journey.engine.judging.program import compile_journey
from etapa.journey.language.load import journey_or_raise, load_journey
from etapa.journey.language.model import GivenTouchpoint
from etapa.journey.units import DAY, HOUR, MINUTE
from etapa.rehearsal.coverage import Coverage
from etapa.rehearsal.scenarios import rehearse

TYPES = st.one_of(
    st.sampled_from(
        [
            "visit",
            "page_view",
            "Order Completed",
            "true",
            "null",
            "yes",
            "2.0",
            "compra, en línea",
            'a "quoted" one',
            "{x}",
            "#1",
            "- x",
            "é",
        ]
    ),
    st.text(st.characters(categories=("L", "N", "P", "Zs")), min_size=1, max_size=30).filter(lambda text: text == text.strip()),
)


PROMISES = {
    "makes a customer": "customer",
    "makes a regular": "regular",
    "a regular falls silent after": "silent",
    "a customer who has fallen silent can come back": "customer",
    "twice shows interest": "interested",
    "keeps a customer from being a regular": "customer",
}
"""The name of each drafted test, and the final stage of its customer."""


def _drafted(answers: Answers) -> str | DraftError:
    try:
        return draft(answers)
    except DraftError as error:
        return error


def _is_good(text: str) -> None:
    loaded = load_journey(text, "drafted.yaml")
    assert loaded.journey is not None, (text, loaded.findings)
    assert not [finding for finding in loaded.findings if finding.severity == "error"]
    program = compile_journey(loaded.journey)
    coverage = Coverage(loaded.journey)
    for scenario in loaded.journey.tests:
        outcome = rehearse(program, scenario)
        assert outcome.passed, (text, scenario, outcome.rows, outcome.problems)
        coverage.add(outcome.run)
        (promised,) = {stage for words, stage in PROMISES.items() if words in scenario.name}
        assert scenario.expect[-1].to == promised, scenario.name
    assert coverage.is_whole, (coverage.rules_not_fired, coverage.stages_not_entered, coverage.campaigns_not_triggered)


@settings(max_examples=30, deadline=None)
@given(
    types=st.lists(TYPES, min_size=1, max_size=7, unique=True),
    troubles=st.integers(0, 2),
    count=st.integers(2, 6),
    within=st.sampled_from([HOUR, DAY, 30 * DAY, 90 * DAY, 365 * DAY]),
    silent=st.sampled_from([DAY, 60 * DAY, 180 * DAY, 730 * DAY]),
    consent=st.sampled_from([None, "marketing_consent", "acepta correo"]),
)
def test_a_draft_loads_and_its_tests_pass_and_reach_everything(
    types: list[str], troubles: int, count: int, within: int, silent: int, consent: str | None
) -> None:
    conversion, *others = types
    answers = Answers("shop", conversion, tuple(others[troubles:]), tuple(others[:troubles]), count, within, silent, consent)
    drafted = _drafted(answers)
    if isinstance(drafted, DraftError):
        # Refuses only what cannot be meant, and types that no journey file accepts.
        assert silent <= within // count or "error" in str(drafted), str(drafted)
    else:
        _is_good(drafted)


@pytest.mark.parametrize(
    ("interest", "ideal"), [((), ("visitor", "customer", "regular")), (("visit",), ("visitor", "interested", "customer", "regular"))]
)
def test_a_draft_hopes_for_the_way_to_a_regular(interest: tuple[str, ...], ideal: tuple[str, ...]) -> None:
    loaded = load_journey(draft(Answers("shop", "purchase", interest=interest)), "shop.yaml")
    assert loaded.journey is not None
    assert loaded.journey.design.frame is not None
    assert loaded.journey.design.frame.ideal == ideal
    assert not loaded.findings


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        (Answers("shop", "purchase", regular_count=1), "at least 2 of `purchase`"),
        (Answers("shop", "purchase", interest=("purchase",)), "cannot be one of the other types as well"),
        (Answers("shop", "purchase", silent_after=DAY), "1d is too short"),
        (Answers("shop", "purchase", regular_within=MINUTE), "too short for 3"),
    ],
)
def test_answers_that_make_no_sense_are_told(answers: Answers, words: str) -> None:
    with pytest.raises(DraftError, match=words):
        draft(answers)


@pytest.mark.parametrize(
    ("types", "conversion"),
    [
        (("page_view", "purchase", "refund"), "purchase"),
        (("Product Viewed", "Order Completed", "Order Cancelled"), "Order Completed"),
        (("visita", "pedido", "queja"), "pedido"),
        (("signup", "booking_made"), "booking_made"),
        (("scroll", "click"), None),
    ],
)
def test_what_makes_a_customer_is_guessed_by_its_name(types: tuple[str, ...], conversion: str | None) -> None:
    assert conversion_among(types) == conversion


def test_trouble_is_known_in_both_languages() -> None:
    assert [name for name in ("complaint", "reclamo", "refund", "visit", "devolución") if is_trouble(name)] == [
        "complaint",
        "reclamo",
        "refund",
        "devolución",
    ]


@pytest.mark.parametrize(("text", "name"), [("Mi tienda de Ropa", "mi-tienda-de-ropa"), ("año", "ano"), ("…", "my-journey")])
def test_any_name_makes_an_id(text: str, name: str) -> None:
    assert journey_id(text) == name


def test_a_story_that_does_not_end_where_it_should_makes_no_test() -> None:
    journey = journey_or_raise(draft(Answers("shop", "purchase")), "drafted.yaml")
    story = DraftedStory("the first purchase makes a regular", (GivenTouchpoint(0, "purchase"),), 0, "regular")
    with pytest.raises(DraftError, match="the first purchase makes a regular, and then be in regular"):
        list(drafted_tests(journey, iter([story])))
