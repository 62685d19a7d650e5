"""Comparisons that decide nothing: can they ever be true, can they ever be false?

A comparison changes its answer only at its operands, so trying each operand and one value between, below and above them
is as good as trying every value. Only searches in text (such as `contains` and `matches`) distinguish more; for those, a
value between operands gives "maybe".
"""

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Literal

from etapa.journey.language.matching.matches import Comparison, Conversion, Elements, Operator, Scalar, Test
from etapa.journey.language.matching.predicates import Predicate, compile_comparison, tests_in
from etapa.journey.localtime.dates import read_date
from etapa.journey.localtime.zones import UTC

Outcome = Literal["always", "never", "open"]

Signed = tuple[Comparison, bool]
"""A comparison, plain (true) or negated."""

_MOST_OPERANDS = 200
_FEW = 4
_SEARCHES: frozenset[Operator] = frozenset({"contains", "starts_with", "ends_with", "matches"})


@dataclass(frozen=True, slots=True)
class Domain:
    """The values that a comparison can meet."""

    noun: str
    """For messages: `a count (a whole number from 0)`."""
    numbers: bool = True
    whole: bool = False
    minimum: float | None = None
    maximum: float | None = None
    texts: bool = False
    others: bool = False
    """Booleans, lists and maps."""
    missing: bool = False


@dataclass(frozen=True, slots=True)
class _Trial:
    """A value to try. If not `exact`, it stands for many texts or lists that searches distinguish."""

    value: Any
    exact: bool = True


_CONVERTED: dict[Conversion, Domain] = {
    "number": Domain("a value that is read as a number, or missing", missing=True),
    "boolean": Domain("a value that is read as true or false, or missing", numbers=False, others=True, missing=True),
    "date": Domain("a value that is read as a date, or missing", whole=True, missing=True),
}


def converted_domain(conversion: Conversion) -> Domain:
    """The values that a conversion can give."""
    return _CONVERTED[conversion]


def outcome(domain: Domain, comparison: Comparison) -> Outcome:
    """Whether `comparison` is true of every value in `domain`, of none, or of some."""
    return outcome_of_all(domain, [(comparison, True)])


def outcome_of_all(domain: Domain, literals: Sequence[Signed]) -> Outcome:
    """The same for several comparisons of one value that must all hold. Very long ones count as open."""
    conversions = {comparison.conversion for comparison, _ in literals}
    if conversions - {None}:
        plain = [(_unconverted(comparison), positive) for comparison, positive in literals]
        if len(conversions) > 1 or any(comparison is None for comparison, _ in plain):
            return "open"
        (conversion,) = conversions
        converted = replace(_CONVERTED[conversion], missing=domain.missing) if conversion else domain
        return _outcome(converted, [(comparison, positive) for comparison, positive in plain if comparison is not None])
    operands = sum(len(_operands(test)) for comparison, _ in literals for test in comparison.tests)
    return _outcome(domain, literals) if operands <= _MOST_OPERANDS or len(literals) == 1 else "open"


def _unconverted(comparison: Comparison) -> Comparison | None:
    """The same for values already converted; none if the order of its dates depends on the zone."""
    if comparison.conversion != "date":
        return Comparison(comparison.tests)
    moments = [read_date(each) for test in comparison.tests for each in _operands(test) if isinstance(each, str)]
    if len({moment.instant is None for moment in moments if moment is not None}) > 1:
        return None
    return Comparison(tests_in(comparison.tests, UTC))


def implies(domain: Domain, stronger: Comparison, weaker: Comparison) -> bool:
    """Whether every value that satisfies `stronger` certainly satisfies `weaker`."""
    if stronger == weaker:
        return True
    if stronger.conversion or weaker.conversion:
        return outcome_of_all(domain, [(stronger, True), (weaker, False)]) == "never"
    # One value that satisfies the one but not the other settles it, and usually there is one.
    if not all(_compiled(weaker).accepts(value) for value in _some_values(domain, stronger, satisfying=True)):
        return False
    if any(_compiled(stronger).accepts(value) for value in _some_values(domain, weaker, satisfying=False)):
        return False
    return outcome_of_all(domain, [(stronger, True), (weaker, False)]) == "never"


@lru_cache(maxsize=4096)
def _compiled(comparison: Comparison) -> Predicate:
    return compile_comparison(comparison)


@lru_cache(maxsize=4096)
def _some_values(domain: Domain, comparison: Comparison, *, satisfying: bool) -> tuple[Any, ...]:
    """A few values that satisfy `comparison`, or (not `satisfying`) that do not."""
    predicate = _compiled(comparison)
    exact = (trial.value for trial in _trials(domain, comparison.tests) if trial.exact)
    return tuple(itertools.islice((value for value in exact if predicate.accepts(value) is satisfying), _FEW))


def _outcome(domain: Domain, literals: Sequence[Signed]) -> Outcome:
    compiled: list[tuple[list[_Tried | _TriedElements], bool]] = [
        ([*[_Tried(test) for test in comparison.tests], *[_TriedElements(each) for each in comparison.elements]], positive)
        for comparison, positive in literals
    ]
    tests = [test for comparison, _ in literals for test in comparison.tests]
    answers = set()
    for trial in _trials(domain, tests):
        held = [(_all([test.answer(trial) for test in tried]), positive) for tried, positive in compiled]
        answers.add(_all([answer if positive or answer is None else not answer for answer, positive in held]))
    if answers <= {True}:
        return "always"
    return "never" if answers <= {False} else "open"


def _all(answers: Iterable[bool | None]) -> bool | None:
    """Three-valued `all`: none is "maybe"."""
    seen = set(answers)
    if False in seen:
        return False
    return None if None in seen else True


class _Tried:
    """A test that accepts trials."""

    def __init__(self, test: Test) -> None:
        self._predicate = compile_comparison(Comparison((test,)))
        self._search = test.operator in _SEARCHES
        self._reaches_lists = test.operator == "contains"
        self._reaches_texts = isinstance(test.operand, str)

    def answer(self, trial: _Trial) -> bool | None:
        if trial.exact or not self._search:
            return self._predicate.accepts(trial.value)
        reached = self._reaches_lists if isinstance(trial.value, list) else self._reaches_texts
        return None if reached else False


class _TriedElements:
    """A comparison of elements: a list may have some that fit."""

    def __init__(self, elements: Elements) -> None:
        self._of_no_list = elements.quantifier == "none"

    def answer(self, trial: _Trial) -> bool | None:
        return None if isinstance(trial.value, list) else self._of_no_list


def _operands(test: Test) -> tuple[Scalar, ...]:
    return test.operand if isinstance(test.operand, tuple) else (test.operand,)


def _trials(domain: Domain, tests: Sequence[Test]) -> list[_Trial]:
    operands = [each for test in tests for each in _operands(test)]
    trials: list[_Trial] = []
    if domain.missing:
        trials.append(_Trial(None))
    if domain.numbers:
        trials += [_Trial(number) for number in _numbers(domain, operands)]
    if domain.texts:
        trials += _texts([each for each in operands if isinstance(each, str)])
    if domain.others:
        trials += [_Trial(True), _Trial(False), _Trial({}), _Trial([], exact=False)]
    return trials


def _numbers(domain: Domain, operands: Sequence[Scalar]) -> list[int | float]:
    bounds = sorted({each for each in operands if isinstance(each, int | float) and not isinstance(each, bool)})
    tried: list[int | float] = [0, *bounds]
    for bound in bounds:
        # Large whole numbers have no float between them, so try their neighbours too.
        tried += [math.floor(bound) - 1, math.floor(bound), math.ceil(bound), math.ceil(bound) + 1]
        tried += [bound - max(1, abs(bound)), bound + max(1, abs(bound))]
    tried += [lower + (upper - lower) / 2 for lower, upper in itertools.pairwise(bounds)]
    if domain.whole:
        tried = [number for number in tried if math.isinf(number) or number == math.floor(number)]
    lowest = -math.inf if domain.minimum is None else domain.minimum
    highest = math.inf if domain.maximum is None else domain.maximum
    return [number for number in tried if lowest <= number <= highest]


def _texts(operands: Sequence[str]) -> list[_Trial]:
    # Nothing lies between a text and the same text followed by U+0000, so the latter stands for all up to the next operand.
    known = set(operands)
    points = [_Trial(operand) for operand in known]
    between = [_Trial(operand + "\0", exact=False) for operand in known if operand + "\0" not in known]
    return [*points, *between, _Trial("", exact=False)]
