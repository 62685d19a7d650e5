"""Results of comparisons for every kind of value, including a missing one."""

from typing import Any

import pytest

from etapa.journey.engine.accumulators.matching import compile_path, compile_where
from etapa.journey.engine.facts.touchpoint import Touchpoint
from etapa.journey.language.matching.patterns import PatternError, compile_pattern
from etapa.journey.language.matching.predicates import MISSING, compile_comparison
from etapa.journey.language.model import EVERYWHERE, Comparison, Operator, Path, Scalar, Test, Where

VALUES: list[Any] = [MISSING, True, False, 0, 1, 1.0, 2.5, -3, "", "1", "a", "ab", "é", [], [1], [True], ["a"], {}, {"a": 1}]


def holding(operator: Operator, operand: Scalar | tuple[Scalar, ...]) -> list[Any]:
    """Those of `VALUES` that satisfy the test, as text: Python itself cannot tell 1 from 1.0 from True."""
    holds = compile_comparison(Comparison((Test(operator, operand),))).accepts
    answers = [holds(value) for value in VALUES]
    assert all(answer is True or answer is False for answer in answers)
    return [repr(value) for value, answer in zip(VALUES, answers, strict=True) if answer]


def of(*values: Any) -> list[str]:
    return [repr(value) for value in values]


def all_but(*values: Any) -> list[str]:
    return [repr(value) for value in VALUES if repr(value) not in of(*values)]


@pytest.mark.parametrize(
    ("operator", "operand", "expected"),
    [
        ("eq", 1, of(1, 1.0)),
        ("eq", 1.0, of(1, 1.0)),
        ("eq", 0, of(0)),
        ("eq", True, of(True)),
        ("eq", False, of(False)),
        ("eq", "1", of("1")),
        ("eq", "", of("")),
        ("eq", None, of(None)),
        ("ne", 1, all_but(1, 1.0)),
        ("ne", True, all_but(True)),
        ("ne", "a", all_but("a")),
        ("ne", None, all_but()),
        ("in", (1, "a"), of(1, 1.0, "a")),
        ("in", ("a", "b"), of("a")),
        ("in", (True, 0), of(True, 0)),
        ("in", (2.5,), of(2.5)),
        ("not_in", (1, "a"), all_but(1, 1.0, "a")),
        ("not_in", (True,), all_but(True)),
        ("exists", True, all_but(None)),
        ("exists", False, of(None)),
        ("gt", 1, of(2.5)),
        ("gte", 1, of(1, 1.0, 2.5)),
        ("lt", 1, of(0, -3)),
        ("lte", 0, of(0, -3)),
        ("gt", "a", of("ab", "é")),
        ("gte", "a", of("a", "ab", "é")),
        ("lt", "a", of("", "1")),
        ("lte", "", of("")),
        ("contains", "a", of("a", "ab", ["a"])),
        ("contains", "", of("", "1", "a", "ab", "é")),
        ("contains", 1, of([1])),
        ("contains", True, of([True])),
        ("starts_with", "a", of("a", "ab")),
        ("ends_with", "b", of("ab")),
        ("matches", "^[0-9]$", of("1")),
        ("matches", "b", of("ab")),
        ("matches", "é", of("é")),
    ],
)
def test_each_operator_against_each_kind_of_value(operator: Operator, operand: Any, expected: list[str]) -> None:
    assert holding(operator, operand) == expected


def test_all_tests_of_a_comparison_must_hold() -> None:
    between = compile_comparison(Comparison((Test("gte", 3), Test("lt", 5)))).accepts
    assert [number for number in range(8) if between(number)] == [3, 4]
    three = compile_comparison(Comparison((Test("gte", "a"), Test("lt", "c"), Test("ends_with", "x")))).accepts
    assert [text for text in ("ax", "bx", "cx", "a", "x") if three(text)] == ["ax", "bx"]


def test_texts_order_by_code_point() -> None:
    after_z = compile_comparison(Comparison((Test("gt", "z"),))).accepts
    assert [text for text in ("Z", "a", "é", "中", "😀") if after_z(text)] == ["é", "中", "😀"]


def test_a_pattern_that_would_take_ages_elsewhere_is_found_at_once() -> None:
    # The text is long enough for any backtracking search to outlast the whole test run.
    matches = compile_comparison(Comparison((Test("matches", "^(a+)+$"),))).accepts
    assert matches("a" * 50_000 + "b") is False


@pytest.mark.parametrize("pattern", ["ñ", "(?:[a-zñ]{10}){90}", "[a-zñ]{999}" * 2, "(?i)Ñ+$", "^ñ*$"])
def test_small_and_large_patterns_are_found_alike(pattern: str) -> None:
    found_in = compile_pattern(pattern).found_in
    assert [found_in("ñ" * 2000), found_in("1" * 2000)] == [True, False]


@pytest.mark.parametrize("pattern", ["(", "a{2,1}", "(?=a)", "\\1", "[z-a]", "\ud800"])
def test_what_re2_does_not_take_is_an_error_that_says_why(pattern: str) -> None:
    with pytest.raises(PatternError, match=r"\w"):
        compile_pattern(pattern)


TOUCHPOINT = Touchpoint(
    "t-1",
    "c-1",
    "purchase",
    0,
    "web",
    {"amount": 12.5, "gift": None, "address": {"city": {"name": "La Paz"}}, "tags": ["new"]},
    {"persona": "student"},
)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("channel",), "web"),
        (("type",), "purchase"),
        (("properties", "amount"), 12.5),
        (("properties", "gift"), MISSING),
        (("properties", "nothing"), MISSING),
        (("properties", "address", "city", "name"), "La Paz"),
        (("properties", "address", "street", "name"), MISSING),
        (("properties", "tags", "0"), MISSING),
        (("properties", "amount", "currency"), MISSING),
        (("traits", "persona"), "student"),
        (("traits", "age"), MISSING),
    ],
)
def test_paths_lead_to_values_or_to_nothing(path: Path, value: Any) -> None:
    assert compile_path(path).of(TOUCHPOINT) == value


def equals(path: Path, value: Scalar) -> tuple[Path, Comparison]:
    return path, Comparison((Test("eq", value),))


def test_an_empty_where_is_no_filter_at_all() -> None:
    assert compile_where(EVERYWHERE) is None


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ((equals(("channel",), "web"),), True),
        ((equals(("channel",), "app"),), False),
        ((equals(("properties", "amount"), 12.5),), True),
        ((equals(("traits", "persona"), "student"),), True),
        ((equals(("channel",), "web"), equals(("type",), "purchase")), True),
        ((equals(("channel",), "web"), equals(("type",), "visit")), False),
        ((equals(("channel",), "web"), equals(("type",), "purchase"), equals(("properties", "gift"), None)), True),
        ((equals(("channel",), "web"), equals(("type",), "purchase"), equals(("properties", "gift"), "yes")), False),
    ],
)
def test_every_entry_of_a_where_must_hold(entries: tuple[tuple[Path, Comparison], ...], expected: bool) -> None:
    matches = compile_where(Where(entries))
    assert matches is not None
    assert matches.admits(TOUCHPOINT) is expected


def test_a_test_of_one_and_a_test_of_true_are_two_tests() -> None:
    assert Test("eq", 1) != Test("eq", True)
    assert Test("in", (1, 0)) != Test("in", (True, False))
    assert Test("eq", 1) == Test("eq", 1.0)
    assert len({Test("eq", 1), Test("eq", 1.0), Test("eq", True)}) == 2
