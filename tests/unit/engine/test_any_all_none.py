"""`any`, `all` and `none` of the elements of a list; and what is kept of lists and texts that are too long."""

from typing import Any

import pytest

from etapa.contracts.stored.state import decode_state, encode_state
from etapa.journey.engine.accumulators.kept_value import MOST_MEMBERS
from etapa.journey.engine.judging.classify import touch
from etapa.journey.engine.judging.explain import ExplainedCondition, explain
from etapa.journey.engine.judging.program import compile_journey
from etapa.journey.language.kinds.describe import describe
from etapa.journey.language.load import journey_or_raise, load_journey
from tests.unit.engine.shops import did, play, program_of

HEAD = "journey: a\nversion: 1\nstages: [{id: s}, {id: t}]\nrules:\n  - id: r\n    to: t\n    when: "
LINES = [{"sku": "A", "price": {"amount": 10}}, {"sku": "B", "price": {"amount": 2.5}}, None]


def errors(condition: str) -> list[str]:
    return [each.message for each in load_journey(HEAD + condition + "\n", "j.yaml").findings if each.severity == "error"]


def moves(condition: str, **what: Any) -> bool:
    program = program_of(f"- {{id: rule, from: new, to: hot, when: {condition}}}")
    customer, changes = play(program, did("order", 0, traits=what.pop("traits", None), **what))
    assert decode_state(encode_state(customer), "c-1").traits == customer.traits
    return len(changes) > 1


@pytest.mark.parametrize(
    ("asked", "holds"),
    [
        ("any: {sku: A}", True),
        ("any: {sku: A, price.amount: {gt: 10}}", False),
        ("any: {sku: A, price.amount: {gte: 10}}", True),
        ("all: {sku: {in: [A, B]}}", False),
        ("all: {sku: {ne: C}}", True),
        ("none: {sku: C}", True),
        ("none: {price.amount: {as: number, lt: 3}}", False),
        ("any: {eq: null}", True),
        ("any: {sku: {exists: false}}", True),
        ("any: {sku: A}, none: {sku: C}", True),
        ("any: {sku: A}, none: {sku: B}", False),
    ],
)
@pytest.mark.parametrize("where", ["event", "count", "last", "first"])
def test_elements_of_a_list_are_asked_for(asked: str, holds: bool, where: str) -> None:
    condition = {
        "event": f"{{event: order, where: {{properties.lines: {{{asked}}}}}}}",
        "count": f"{{count: order, where: {{properties.lines: {{{asked}}}}}, within: 3d, gte: 1}}",
        "last": f"{{last: properties.lines, of: order, {asked}}}",
        "first": f"{{first: properties.lines, of: order, {asked}}}",
    }[where]
    assert moves(condition, lines=LINES) is holds


@pytest.mark.parametrize("value", [None, 5, "A", {"sku": "A"}])
def test_of_what_is_missing_or_no_list_any_and_all_are_false_and_none_is_true(value: Any) -> None:
    found = [
        moves(f"{{event: order, where: {{properties.lines: {{{asked}: {{sku: A}}}}}}}}", lines=value) for asked in ("any", "all", "none")
    ]
    assert found == [False, False, True]


def test_of_an_empty_list_all_and_none_are_true() -> None:
    found = [moves(f"{{event: order, where: {{properties.lines: {{{asked}: {{sku: A}}}}}}}}", lines=[]) for asked in ("any", "all", "none")]
    assert found == [False, True, True]


def test_an_element_that_is_a_list_has_elements() -> None:
    assert moves("{event: order, where: {properties.rows: {any: {all: {gt: 1}}}}}", rows=[[0, 5], [2, 3]])
    assert moves("{event: order, where: {properties.rows: {any: {cells: {none: {eq: 0}}}}}}", rows=[{"cells": [0]}, {"cells": [1]}])


@pytest.mark.parametrize("asked", ["contains: vip", "any: {eq: vip}", "any: {starts_with: vi}"])
def test_a_trait_keeps_the_answers_that_rules_ask_for_however_long_its_list_is(asked: str) -> None:
    tags = [f"tag-{number}" for number in range(5000)] + ["vip"]
    condition = f"{{all: [{{event: later}}, {{trait: tags, {asked}}}]}}"
    program = program_of(f"- {{id: rule, from: new, to: hot, when: {condition}}}")
    customer, _ = play(program, did("order", 0, traits={"tags": tags}))
    stored = encode_state(customer)
    assert len(stored) < 12 * MOST_MEMBERS
    changes = touch(program, decode_state(stored, "c-1"), did("later", 1)).changes
    assert [clause.exact for clause in changes[-1].because] == [True, True]
    assert changes[-1].because[1].observed == "a list"


def test_a_long_text_is_searched_as_a_whole() -> None:
    assert moves("{trait: note, ends_with: end}", traits={"note": "x" * 5000 + "end"})
    assert moves("{last: properties.note, of: order, matches: 'the end$'}", note="x" * 5000 + "the end")


def test_a_version_that_asks_something_new_of_a_list_that_was_cut_says_that_it_is_not_exact() -> None:
    tags = [f"tag-{number}" for number in range(100)]
    before = program_of("- {id: rule, from: new, to: hot, when: {trait: tags, contains: vip}}")
    customer, _ = play(before, did("order", 0, traits={"tags": tags}))
    after = program_of("- {id: rule, from: new, to: hot, when: {trait: tags, contains: tag-1}}", version=2)
    changes = touch(after, customer, did("later", 1)).changes
    assert [(change.to, change.because[0].exact) for change in changes] == [("hot", False)]


def test_a_list_of_objects_in_a_trait_is_asked_for_too() -> None:
    condition = "{all: [{event: later}, {trait: devices, any: {kind: phone, version: {gte: 12}}}]}"
    program = program_of(f"- {{id: rule, from: new, to: hot, when: {condition}}}")
    customer, _ = play(program, did("order", 0, traits={"devices": [{"kind": "phone", "version": 14}, {"kind": "desk"}]}))
    assert [change.to for change in touch(program, decode_state(encode_state(customer), "c-1"), did("later", 1)).changes] == ["hot"]


@pytest.mark.parametrize(
    ("condition", "text"),
    [
        (
            "{event: order, where: {properties.lines: {any: {sku: A, price: {gt: 3}}}}}",
            'event(order where properties.lines has any (price > 3 and sku = "A"))',
        ),
        ("{trait: tags, all: {starts_with: a}}", 'trait(tags) has only (starts with "a")'),
        ("{trait: tags, none: {eq: vip}, exists: true}", 'trait(tags) exists and has none (= "vip")'),
    ],
)
def test_it_is_told_in_words(condition: str, text: str) -> None:
    assert describe(journey_or_raise(HEAD + condition + "\n", "j.yaml").rules[0].when) == text


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("{trait: tags, any: {}}", "expected what an element must be"),
        ("{trait: tags, any: vip}", "a condition is one thing"),
        ("{trait: lines, any: {sku: A, eq: 3}}", "`eq` compares the element itself, and the other keys are paths into it"),
        ("{trait: lines, any: {sku.: A}}", "`sku.` is not a path into an element"),
        ("{trait: lines, any: {'parts[]': A}}", "`parts[]` is not a path into an element"),
        ("{trait: lines, any: {gte: 3, lt: 2}}", "can never be true"),
        ("{trait: lines, as: number, any: {gte: 3}}", "what elements are read as stands inside"),
        ("{count: order, any: {gte: 3}}", "does not take `any`"),
        ("{event: order, where: {channel: {any: {eq: web}}}}", "does not take `any`"),
        ("{trait: tags, any: {eq: a}, count: order}", "a condition is one thing"),
    ],
)
def test_what_is_wrong_is_told(condition: str, message: str) -> None:
    assert any(message in each for each in errors(condition)), errors(condition)


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
        ("any: {eq: email}", ["sms", "email"], "published"),
        ("any: {eq: email}", ["email"] * 200, "published"),
        ("any: {eq: email}", ["sms", 5, "email"], "consent"),
        ("none: {eq: none}", "email", "consent"),
        ("none: {eq: none}", ["email"], "published"),
        ("contains: email", [*map(str, range(500)), "email"], "published"),
        ("any: {kind: email, on: {eq: true}}", [{"kind": "email", "on": "true"}], "consent"),
        ("any: {kind: email, on: {eq: true}}", [{"kind": "email", "on": True}], "published"),
    ],
)
def test_consent_fails_closed_by_the_types_of_members(consent: str, given: Any, outcome: str) -> None:
    program = compile_journey(journey_or_raise(CONSENT % consent, "asking.yaml"))
    _, changes = play(program, did("x", 0, traits={"wants": given}))
    assert [offer.outcome for offer in changes[-1].offers] == [outcome]


def test_what_consent_asks_of_elements_is_as_strict() -> None:
    for asked in ("any: {exists: true}", "any: {in: [1, a]}", "any: {kind: {exists: true}}"):
        found = load_journey(CONSENT % asked, "asking.yaml")
        assert found.journey is None


@pytest.mark.parametrize(
    ("condition", "lacks"),
    [
        ("{trait: tags, any: {eq: gold}}", 'is a list, needs to have any (= "gold")'),
        ("{last: properties.lines, of: order, none: {sku: A}}", 'is a list, needs to have none (sku = "A")'),
        ("{trait: age, as: number, gte: 18}", "is 17, needs >= 18"),
    ],
)
def test_what_a_list_or_a_value_that_was_read_lacks_is_said_in_words(condition: str, lacks: str) -> None:
    program = program_of(f"- {{id: rule, from: new, to: hot, when: {condition}}}")
    customer, _ = play(program, did("order", 0, traits={"tags": ["vip"], "age": "17"}, lines=LINES))
    when = explain(program, customer, 0).rules[0].when
    assert isinstance(when, ExplainedCondition)
    assert when.missing == lacks
