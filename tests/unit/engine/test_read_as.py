"""`as`: text is read as a number, a boolean or a date before it is compared."""

from typing import Any

import pytest

from etapa.contracts.rfc3339 import parse_time
from etapa.contracts.stored.state import decode_state, encode_state
from etapa.journey.engine.judging.classify import touch
from etapa.journey.engine.judging.program import compile_journey
from etapa.journey.language.load import journey_or_raise
from etapa.journey.language.matching.conversions import as_boolean, as_instant, as_number
from etapa.journey.localtime.zones import UTC, zone_called
from tests.unit.engine.shops import did, play, program_of, us

FIRST = us("365d")


def moves(condition: str, **what: Any) -> bool:
    """Whether one touchpoint of the type x with these properties, and traits, moves the customer."""
    program = program_of(f"- {{id: rule, from: new, to: hot, when: {condition}}}")
    _, changes = play(program, did("x", FIRST, traits=what.pop("traits", None), **what))
    return len(changes) > 1


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1500.00", 1500.0),
        ("  7 ", 7),
        ("-0.5e2", -50.0),
        ("9223372036854775807", 2**63 - 1),
        ("-9223372036854775808", -(2**63)),
        ("9223372036854775808", float(2**63)),
        (3, 3),
        (2.5, 2.5),
        *(
            (text, None)
            for text in ("", " ", "+1", "01", "1.", ".5", "1e", "0x1", "1,5", "1_000", "1e400", "NaN", "Infinity", "\t1", "1\n", "١")
        ),
        (True, None),
        (None, None),
        ([1], None),
    ],
)
def test_text_is_a_number_where_it_is_one_in_json(text: Any, number: Any) -> None:
    found = as_number(text)
    assert (found, type(found)) == (number, type(number))


def test_a_number_of_ten_thousand_digits_is_too_large_and_so_missing() -> None:
    assert as_number("9" * 10_000) is None


@pytest.mark.parametrize(
    ("value", "read"),
    [("true", True), ("false", False), (True, True), ("True", None), (" true", None), ("yes", None), (1, None), (None, None)],
)
def test_text_is_a_boolean_where_it_is_one_in_json(value: Any, read: Any) -> None:
    assert as_boolean(value) is read


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-01-31", "2026-01-31T04:00:00Z"),
        ("2026-01-31T10:00:00-04:00", "2026-01-31T14:00:00Z"),
        ("2026-01-31t10:00:00.1234569z", "2026-01-31T10:00:00.123456Z"),
        *(
            (value, None)
            for value in (
                "2026-02-29",
                "2026-01-31T10:00:00",
                "2026-01-31 10:00:00Z",
                "2026-01-31T24:00:00Z",
                "0000-01-01",
                1767604800,
                None,
            )
        ),
    ],
)
def test_text_is_a_date_where_it_is_one_in_rfc_3339_and_a_bare_one_begins_at_local_midnight(text: Any, instant: str | None) -> None:
    zone = zone_called("America/La_Paz") or UTC
    assert as_instant(text, zone) == (None if instant is None else parse_time(instant))


@pytest.mark.parametrize(
    "condition",
    [
        "{sum: properties.amount, of: x, as: number, gte: 1500}",
        "{sum: properties.amount, of: x, within: 1y, as: number, gte: 1500}",
        "{avg: properties.amount, of: x, as: number, gte: 1500}",
        "{max: properties.amount, of: x, within: 30d, as: number, gte: 1500}",
        "{last: properties.amount, of: x, as: number, eq: 1500}",
        "{first: properties.amount, of: x, as: number, eq: 1500}",
        "{event: x, where: {properties.amount: {as: number, gte: 1500}}}",
        "{count: x, where: {properties.amount: {as: number, in: [1500]}}, gte: 1}",
    ],
)
def test_money_as_text_is_money_where_it_is_read_as_a_number(condition: str) -> None:
    assert moves(condition, amount="1500.00")
    assert moves(condition, amount=1500)
    assert not moves(condition, amount="a lot")
    assert not moves(condition.replace("as: number, ", ""), amount="1500.00")


def test_thirty_days_as_text_are_thirty_days() -> None:
    assert moves("{trait: trial_days, as: number, eq: 30}", traits={"trial_days": "30"})
    assert not moves("{trait: trial_days, eq: 30}", traits={"trial_days": "30"})


def test_different_numbers_are_told_apart_as_numbers() -> None:
    program = program_of("- {id: rule, from: new, to: hot, when: {distinct: properties.size, of: x, as: number, gte: 2}}")
    _, changes = play(program, *(did("x", place, size=size) for place, size in enumerate(["1", 1, "1.0", "one"])))
    assert len(changes) == 1
    assert moves("{distinct: properties.size, of: x, as: number, eq: 0}", size="one")


def test_what_it_saw_is_the_value_as_it_was_read_and_a_trait_that_cannot_be_read_as_it_came() -> None:
    def saw(condition: str, **what: Any) -> Any:
        program = program_of(f"- {{id: rule, from: new, to: hot, when: {condition}}}")
        _, changes = play(program, did("x", FIRST, traits=what.pop("traits", None), **what))
        return changes[-1].because[0].observed

    assert saw("{trait: days, as: number, eq: 30}", traits={"days": "30.0"}) == 30
    assert saw("{trait: days, as: number, ne: 30}", traits={"days": "many"}) == "many"
    assert saw('{last: properties.due, of: x, as: date, gt: "2026-01-01"}', due="2026-01-31") == "2026-01-31T00:00:00Z"
    assert saw('{max: properties.due, of: x, within: 9d, as: date, gt: "2026-01-01"}', due="2026-01-31") == "2026-01-31T00:00:00Z"
    assert saw('{trait: due, as: date, gt: "2026-01-01"}', traits={"due": "9999-12-31T23:59:59-23:00"}) == "9999-12-31T23:59:59.999999Z"


ZONED = """
journey: zoned
version: 1
zone: {trait: zone, else: America/La_Paz}
stages: [{id: new}, {id: hot}]
rules:
  - {id: rule, from: new, to: hot, when: %s}
"""


def zoned(condition: str, *touchpoints: Any) -> list[str]:
    _, changes = play(compile_journey(journey_or_raise(ZONED % condition, "zoned.yaml")), *touchpoints)
    return [change.touchpoint_id or "" for change in changes[1:]]


def test_a_date_of_a_touchpoint_is_taken_where_the_customer_is_when_it_comes_and_operands_where_the_customer_is_now() -> None:
    madrid = {"zone": "Europe/Madrid"}
    condition = '{last: properties.due, of: x, as: date, eq: "2026-01-31"}'
    assert zoned(condition, did("x", 0, touchpoint_id="one", due="2026-01-31")) == ["one"]
    # Midnight in La Paz, where it came, is five in the morning in Madrid, where the customer is now.
    assert zoned("{all: [{event: y}, " + condition + "]}", did("x", 0, due="2026-01-31"), did("y", 1, traits=madrid)) == []
    for due in ("2026-01-31", "2026-01-31T00:00:00+01:00"):
        assert zoned(condition, did("x", 0, touchpoint_id="there", due=due, traits=madrid)) == ["there"]


def test_a_trait_that_is_a_date_goes_with_the_customer() -> None:
    condition = '{all: [{event: y}, {trait: due, as: date, lte: "2026-01-31T00:00:00Z"}]}'
    set_out = did("x", 0, traits={"due": "2026-01-31"})
    assert zoned(condition, set_out, did("y", 1, touchpoint_id="there", traits={"zone": "Asia/Kathmandu"})) == ["there"]
    assert zoned(condition, set_out, did("y", 1)) == []


def test_values_that_were_read_are_stored_as_such() -> None:
    condition = '{all: [{event: y}, {min: properties.due, of: x, within: 400d, as: date, lt: "2026-02-01"}]}'
    program = compile_journey(journey_or_raise(ZONED % condition, "zoned.yaml"))
    customer, _ = play(program, did("x", FIRST, due="2026-01-31"), did("x", FIRST, due="soon"))
    stored = decode_state(encode_state(customer), "c-1")
    touched = touch(program, stored, did("y", FIRST))
    assert [change.to for change in touched.changes] == ["hot"]


CONSENT = """
journey: asking
version: 1
stages: [{id: new}, {id: hot}]
rules: [{id: rule, from: new, to: hot, when: {event: x}}]
consent: {trait: wants, %s}
campaigns: [{id: hello, on: {enter: hot}}]
"""


@pytest.mark.parametrize(
    ("consent", "given", "outcome"),
    [
        ("as: boolean, eq: true", "true", "published"),
        ("as: boolean, eq: true", True, "published"),
        ("as: boolean, ne: false", "yes", "consent"),
        ("as: boolean, ne: false", None, "consent"),
        ("as: number, gte: 1", "1", "published"),
        ("as: number, ne: 0", "no", "consent"),
        ('as: date, lt: "2026-01-01"', "2025-06-01", "published"),
        ('as: date, not_in: ["2026-01-01"]', 20250601, "consent"),
    ],
)
def test_consent_is_no_where_the_value_cannot_be_read(consent: str, given: Any, outcome: str) -> None:
    program = compile_journey(journey_or_raise(CONSENT % consent, "asking.yaml"))
    _, changes = play(program, did("x", 0, traits={"wants": given}))
    assert [offer.outcome for offer in changes[-1].offers] == [outcome]
