"""Laws of the journey language."""

import json
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from etapa.journey.duration import LONGEST, format_duration, parse_duration
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.engine.judging.classify import touch
from etapa.journey.engine.judging.program import compile_journey
from etapa.journey.language.kinds.describe import describe
from etapa.journey.language.kinds.logic import always_true_as_any, condition_implies, leaves, never_true_together
from etapa.journey.language.kinds.table import CONDITIONS
from etapa.journey.language.load import load_journey
from etapa.journey.language.matching.possible import implies, outcome
from etapa.journey.language.matching.predicates import compile_comparison
from etapa.journey.language.model import Comparison, Condition, Journey, Operator, Rule, Stage, Test
from etapa.journey.language.reading.operands import COUNT, OPERATORS, SUM, VALUE
from etapa.journey.units import DAY, SECOND

BOUNDED = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])

# Few values, so that they often coincide.
texts = st.sampled_from(["", "a", "ab", "b", "ba", "z", "é"])
numbers = st.sampled_from([-2, -1, 0, 1, 2, 3, 1.0, 0.5, 2.5, 2**60, 2**60 + 2, 1e300])
scalars = st.none() | st.booleans() | numbers | texts
values = scalars | st.lists(scalars, max_size=2) | st.dictionaries(texts, scalars, max_size=1)


ORDERS: tuple[Operator, ...] = ("eq", "ne", "gt", "gte", "lt", "lte")


@st.composite
def one_test(draw: st.DrawFn, operators: tuple[Operator, ...], operands: st.SearchStrategy[Any]) -> Test:
    operator = draw(st.sampled_from(operators))
    match operator:
        case "exists":
            return Test(operator, draw(st.booleans()))
        case "in" | "not_in":
            return Test(operator, tuple(draw(st.lists(operands, min_size=1, max_size=3))))
        case "starts_with" | "ends_with":
            return Test(operator, draw(texts))
        case "matches":
            return Test(operator, draw(st.sampled_from(list(PATTERNS))))
        case _:
            return Test(operator, draw(operands))


def comparisons_of(operators: tuple[Operator, ...], operands: st.SearchStrategy[Any]) -> st.SearchStrategy[Comparison]:
    return st.lists(one_test(operators, operands), min_size=1, max_size=3).map(lambda each: Comparison(tuple(each)))


PATTERNS: dict[str, Callable[[str], bool]] = {
    "a": lambda text: "a" in text,
    "^a": lambda text: text[:1] == "a",
    "b$": lambda text: text[-1:] == "b",
    "[az]": lambda text: "a" in text or "z" in text,
    "^$": lambda text: text == "",
}

comparisons = comparisons_of(OPERATORS, scalars)
number_comparisons = comparisons_of(ORDERS, numbers)


def equal(one: Any, other: Any) -> bool:
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    return bool(one == other)


def ordered(one: Any, other: Any) -> bool:
    both_numbers = all(isinstance(each, int | float) and not isinstance(each, bool) for each in (one, other))
    return both_numbers or (isinstance(one, str) and isinstance(other, str))


def both_texts(one: Any, other: Any) -> bool:
    return isinstance(one, str) and isinstance(other, str)


MEANINGS: dict[Operator, Callable[[Any, Any], bool]] = {
    "eq": equal,
    "ne": lambda value, operand: not equal(value, operand),
    "in": lambda value, operand: any(equal(value, each) for each in operand),
    "not_in": lambda value, operand: not any(equal(value, each) for each in operand),
    "exists": lambda _, operand: bool(operand),
    "gt": lambda value, operand: ordered(value, operand) and value > operand,
    "gte": lambda value, operand: ordered(value, operand) and value >= operand,
    "lt": lambda value, operand: ordered(value, operand) and value < operand,
    "lte": lambda value, operand: ordered(value, operand) and value <= operand,
    "contains": lambda value, operand: (
        any(equal(each, operand) for each in value) if isinstance(value, list) else both_texts(value, operand) and operand in value
    ),
    "starts_with": lambda value, operand: both_texts(value, operand) and value.startswith(operand),
    "ends_with": lambda value, operand: both_texts(value, operand) and value.endswith(operand),
    "matches": lambda value, operand: isinstance(value, str) and PATTERNS[operand](value),
}


def said_plainly(test: Test, value: Any) -> bool:
    """The meaning of a test, spelled out slowly."""
    if value is None:
        return {"exists": test.operand is False, "eq": test.operand is None}.get(test.operator, test.operator in ("ne", "not_in"))
    return MEANINGS[test.operator](value, test.operand)


@given(comparisons, values)
@BOUNDED
def test_a_compiled_comparison_says_what_its_tests_mean(comparison: Comparison, value: Any) -> None:
    assert compile_comparison(comparison).accepts(value) is all(said_plainly(test, value) for test in comparison.tests)


@given(scalars, values)
@BOUNDED
def test_ne_and_not_in_are_the_opposites_of_eq_and_in_for_values_that_are_there(operand: Any, value: Any) -> None:
    if value is not None and operand is not None:
        for test, opposite in ((Test("eq", operand), Test("ne", operand)), (Test("in", (operand,)), Test("not_in", (operand,)))):
            accepted, refused = (compile_comparison(Comparison((each,))).accepts(value) for each in (test, opposite))
            assert accepted is not refused


@given(comparisons, values)
@BOUNDED
def test_what_is_said_to_be_always_or_never_true_is(comparison: Comparison, value: Any) -> None:
    said = outcome(VALUE.domain, comparison)
    if said != "open":
        assert compile_comparison(comparison).accepts(value) is (said == "always")


@given(number_comparisons, st.integers(0, 5) | st.sampled_from([2**60, 2**60 + 1, 2**60 + 2]))
@BOUNDED
def test_what_is_said_of_counts_holds_for_every_count(comparison: Comparison, count: int) -> None:
    said = outcome(COUNT.domain, comparison)
    if said != "open":
        assert compile_comparison(comparison).accepts(count) is (said == "always")


@given(comparisons_of(ORDERS, st.integers(-1, 4)))
@BOUNDED
def test_what_is_said_to_be_open_of_counts_has_both_answers(comparison: Comparison) -> None:
    answers = {compile_comparison(comparison).accepts(count) for count in range(7)}
    assert (outcome(COUNT.domain, comparison) == "open") is (len(answers) == 2)


@given(comparisons, comparisons, values)
@BOUNDED
def test_what_is_said_to_follow_follows(stronger: Comparison, weaker: Comparison, value: Any) -> None:
    if implies(VALUE.domain, stronger, weaker) and compile_comparison(stronger).accepts(value):
        assert compile_comparison(weaker).accepts(value)


@given(number_comparisons)
@BOUNDED
def test_every_comparison_follows_from_itself(comparison: Comparison) -> None:
    assert implies(SUM.domain, comparison, comparison)


@given(st.integers(0, LONGEST // SECOND))
@BOUNDED
def test_durations_read_back_as_they_were_written(seconds: int) -> None:
    assert parse_duration(format_duration(seconds * SECOND)) == seconds * SECOND


@given(st.lists(st.tuples(st.integers(0, 999), st.sampled_from("smhdw")), min_size=1, max_size=12))
@BOUNDED
def test_the_order_of_the_parts_of_a_duration_does_not_matter(parts: list[tuple[int, str]]) -> None:
    written = [f"{number}{unit}" for number, unit in parts]
    assert parse_duration("".join(written)) == parse_duration("".join(reversed(written)))


PIECES = [
    "journey: a\n", "version: 1\n", "stages:\n", "  - {id: s}\n", "  - {id: t, label: {en: T}}\n", "rules:\n", "  - id: r\n", "    to: t\n",
    "    when:\n", "      all:\n", "        - {count: x, gte: 3}\n", "{event: x, where: {channel: web}}", "when: ", "{", "}", "[", "]", ", ", ": ",
    "- ", "\n", "  ", "\t", "&a ", "*a", "!!str ", "---\n", "...\n", "|\n", ">\n", '"', "'", "#", "? ", "<<: ", "%YAML 1.2\n", "~", ".nan", "-.inf",
    "0x1F", "0o17", "1e999", "9" * 500, "\\ud800", "\ud800", "\x00", "\ufeff", "\u2028", "é", "matches: '(('", "for: 3d", "idle: 0d", "score: {x: 1}",
    "consent: {trait: x, eq: 1}\n", "campaigns:\n", "  - {id: c, on: {enter: t}, holdout: 10%}\n", "tests:\n", "@", "`", "\r", "\x85",
]  # fmt: skip


@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=4), max_size=30).map("".join))
@example('"\\Uffffffff"')
@example("{a: {b: [}")
@BOUNDED
def test_whatever_the_text_loading_gives_a_journey_or_says_why_not(text: str) -> None:
    loaded = load_journey(text, "any.yaml")
    assert (loaded.journey is None) is any(finding.severity == "error" for finding in loaded.findings)
    for finding in loaded.findings:
        assert finding.line >= 1
        assert finding.column >= 1
        assert finding.message in finding.in_full()


keys = st.sampled_from([*CONDITIONS, *OPERATORS, "where", "within", "of", "for", "half_life", "oops"])
anything: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | numbers | st.sampled_from(["x", "y", "*", "30d", "0d", "channel", "properties.a", "(", ""]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=12,
)


@st.composite
def plausible(draw: st.DrawFn, levels: int = 2, of_kinds: tuple[str, ...] = ()) -> dict[str, Any]:
    """A condition that is mostly well formed."""
    types = st.sampled_from(["x", "y", ["x", "y"], "*"])
    spans = st.sampled_from(["1d", "2d", "30d"])
    kinds = ["event", "count", "absent", "idle", "in_stage", "sum", "last", "trait", "sequence", "score"] + ["all", "any", "not"] * (
        levels > 0
    )
    kind = draw(st.sampled_from(of_kinds or kinds))
    bound = {draw(st.sampled_from(["gt", "gte", "lt", "lte"])): draw(st.integers(0, 4))}
    match kind:
        case "event":
            return {"event": draw(types)}
        case "count":
            return {"count": draw(types), "within": draw(spans), **bound}
        case "absent":
            return {"absent": draw(types), "for": draw(spans)}
        case "idle" | "in_stage":
            return {kind: draw(spans)}
        case "sum" | "last":
            return {kind: "properties.a", "of": draw(types), **bound}
        case "trait":
            return {"trait": "a", **bound}
        case "sequence":
            return {"sequence": [{"event": draw(types)}, {"event": draw(types)}], "within": draw(spans)}
        case "score":
            return {"score": {"x": 1, "y": -2}, "half_life": draw(spans), **bound}
        case "not":
            return {"not": draw(plausible(levels - 1))}
        case _:
            return {kind: draw(st.lists(plausible(levels - 1), min_size=1, max_size=3))}


def with_condition(condition: Any) -> str:
    rule = {"id": "r", "to": "t", "when": condition}
    return json.dumps({"journey": "a", "version": 1, "stages": [{"id": "s"}, {"id": "t"}], "rules": [rule]})


@given(anything)
@BOUNDED
def test_whatever_stands_where_a_condition_belongs_it_is_read_or_told(condition: Any) -> None:
    loaded = load_journey(with_condition(condition), "any.yaml")
    assert (loaded.journey is None) is any(finding.severity == "error" for finding in loaded.findings)


@given(plausible())
@BOUNDED
def test_a_condition_that_is_read_can_be_told_follows_from_itself_and_does_not_exclude_itself(condition: dict[str, Any]) -> None:
    journey = load_journey(with_condition(condition), "any.yaml").journey
    if journey is not None:
        read = journey.rules[0].when
        assert describe(read)
        assert list(leaves(read))
        assert condition_implies(read, read)
        assert never_true_together((read, read)) is None


@given(plausible())
@BOUNDED
def test_loading_the_same_text_twice_gives_the_same(condition: dict[str, Any]) -> None:
    text = with_condition(condition)
    assert load_journey(text, "any.yaml") == load_journey(text, "any.yaml")


def read_conditions(*written: Any) -> tuple[Condition, ...] | None:
    """The conditions, each read by itself, or None if one is refused."""
    journeys = [load_journey(with_condition(condition), "any.yaml").journey for condition in written]
    return tuple(journey.rules[0].when for journey in journeys if journey) if all(journeys) else None


LEAVES = ("event", "count", "absent", "idle", "in_stage", "sum", "last", "trait", "sequence")
related = st.lists(st.sampled_from(LEAVES), min_size=1, max_size=2).flatmap(
    lambda kinds: st.tuples(plausible(0, tuple(kinds)) | plausible(1), plausible(0, tuple(kinds)) | plausible(1))
)
histories = st.lists(
    st.tuples(st.integers(0, 40), st.sampled_from(["x", "y", "z"]), st.none() | st.integers(0, 4), st.none() | st.integers(0, 4)),
    min_size=1,
    max_size=6,
)


@given(related, histories)
@BOUNDED
def test_what_excludes_or_follows_does_so_in_the_engine(
    written: tuple[Any, Any], history: list[tuple[int, str, int | None, int | None]]
) -> None:
    conditions = read_conditions(*written)
    if conditions is None:
        return
    one, other = conditions
    excluded, follows, either = never_true_together((one, other)), condition_implies(one, other), always_true_as_any((one, other))
    if not (excluded or follows or either):
        return
    rules = tuple(Rule(f"r-{number}", ("nowhere",), "here", condition) for number, condition in enumerate(conditions))
    program = compile_journey(Journey("a", 1, "here", 0, 0, (Stage("here", None, {}), Stage("nowhere", None, {})), rules))
    first, second = (rule.condition for rule in program.stages["nowhere"].rules)
    customer = None
    for number, (day, kind, amount, trait) in enumerate(history):
        traits = {} if trait is None else {"a": trait}
        touchpoint = Touchpoint(str(number), "c", kind, day * DAY, None, {} if amount is None else {"a": amount}, traits)
        customer = touch(program, customer, touchpoint).customer
        for later in (0, 1, DAY, 2 * DAY, 30 * DAY):
            at_hand = None if later else touchpoint
            answers = (first.holds(customer, customer.clock + later, at_hand), second.holds(customer, customer.clock + later, at_hand))
            assert not (excluded and all(answers))
            assert not (follows and answers == (True, False))
            assert not either or any(answers)
