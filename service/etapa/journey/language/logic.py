"""What follows from conditions by themselves: which exclude each other, and which hold whenever another holds.

Careful rather than clever: it says only what is certain, and "don't know" by saying nothing.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations, permutations

from etapa.journey.language import comparisons
from etapa.journey.language.describe import describe
from etapa.journey.language.model import (
    ANY_TYPE,
    Absent,
    Aggregate,
    All,
    AnyOf,
    Comparison,
    Condition,
    Count,
    Event,
    InStage,
    Leaf,
    Match,
    Not,
    Score,
    Trait,
    Where,
)
from etapa.journey.language.model import Sequence as StepSequence
from etapa.journey.language.possible import Domain, implies, outcome_of_all
from etapa.journey.language.predicates import compile_comparison

Literal = tuple[Leaf, bool]
"""A leaf, and whether it is meant as it stands (true) or negated."""

_MOST_LITERALS = 200
"""Past so many, the rest are not looked at in pairs."""

Compared = Count | Aggregate | Score | Trait


def never_true_together(conditions: Sequence[Condition]) -> str | None:
    """Why no customer can satisfy all `conditions` at once, or none when that is not certain."""
    pair = _contradiction([literal for condition in conditions for literal in _conjuncts(condition, positive=True)])
    return pair and f"`{_told(pair[0])}` and `{_told(pair[1])}` exclude each other"


def always_true_as_any(conditions: Sequence[Condition]) -> str | None:
    """Why every customer satisfies one of `conditions`, or none when that is not certain."""
    pair = _contradiction([literal for condition in conditions for literal in _conjuncts(condition, positive=False)])
    return pair and f"`{_told(_opposite(pair[0]))}` and `{_told(_opposite(pair[1]))}` cannot both be false"


def counts_itself(conditions: Sequence[Condition]) -> str | None:
    """A warning where an event is asked for together with its own absence: the touchpoint at hand is there already."""
    literals = [literal for condition in conditions for literal in _conjuncts(condition, positive=True)]
    for event, absent in permutations([leaf for leaf, positive in literals[:_MOST_LITERALS] if positive], 2):
        if isinstance(event, Event) and isinstance(absent, Absent) and match_covers(absent.match, event.match):
            return (
                f"`{describe(event)}` and `{describe(absent)}` hold together only for a touchpoint that comes very late, "
                "because the touchpoint at hand counts as one that came"
            )
    return None


def condition_implies(stronger: Condition, weaker: Condition) -> bool:
    """Whether `weaker` is sure to hold whenever `stronger` does."""
    if isinstance(stronger, AnyOf):
        return all(condition_implies(each, weaker) for each in stronger.conditions)
    if isinstance(weaker, All):
        return all(condition_implies(stronger, each) for each in weaker.conditions)
    if isinstance(stronger, All) and any(condition_implies(each, weaker) for each in stronger.conditions):
        return True
    if isinstance(weaker, AnyOf):
        return any(condition_implies(stronger, each) for each in weaker.conditions)
    if isinstance(stronger, Not) and isinstance(weaker, Not):
        return condition_implies(weaker.condition, stronger.condition)
    if isinstance(stronger, All | Not) or isinstance(weaker, Not):
        return False
    return _leaf_implies(stronger, weaker)


def needs_event(condition: Condition) -> bool:
    """Whether the condition is false whenever no touchpoint is at hand."""
    match condition:
        case Event():
            return True
        case All(conditions):
            return any(needs_event(each) for each in conditions)
        case AnyOf(conditions):
            return all(needs_event(each) for each in conditions)
        case _:
            return False


def leaves(condition: Condition) -> Iterator[Leaf]:
    match condition:
        case All(conditions) | AnyOf(conditions):
            for each in conditions:
                yield from leaves(each)
        case Not(negated):
            yield from leaves(negated)
        case _:
            yield condition


def depth(condition: Condition) -> int:
    match condition:
        case All(conditions) | AnyOf(conditions):
            return 1 + max(depth(each) for each in conditions)
        case Not(negated):
            return 1 + depth(negated)
        case _:
            return 1


def match_covers(wider: Match, narrower: Match) -> bool:
    """Whether every touchpoint that `narrower` matches is sure to be matched by `wider`."""
    return (wider.types == (ANY_TYPE,) or set(narrower.types) <= set(wider.types)) and _where_implies(narrower.where, wider.where)


def _conjuncts(condition: Condition, *, positive: bool) -> Iterator[Literal]:
    """Literals that all hold when the condition does (or, with `positive` false, when it does not)."""
    match condition:
        case Not(negated):
            yield from _conjuncts(negated, positive=not positive)
        case All(conditions) if positive:
            for each in conditions:
                yield from _conjuncts(each, positive=True)
        case AnyOf(conditions) if not positive:
            for each in conditions:
                yield from _conjuncts(each, positive=False)
        case All() | AnyOf():
            return
        case _:
            yield condition, positive


def _contradiction(literals: Sequence[Literal]) -> tuple[Literal, Literal] | None:
    """Two that cannot both hold."""
    for one, other in combinations(literals[:_MOST_LITERALS], 2):
        if one[1] and other[1]:
            excluded = _exclude(one[0], other[0])
        elif one[1] != other[1]:
            holds, fails = (one, other) if one[1] else (other, one)
            excluded = _leaf_implies(holds[0], fails[0])
        else:
            excluded = False
        if excluded or _values_exclude(one, other):
            return one, other
    return None


def _opposite(literal: Literal) -> Literal:
    return literal[0], not literal[1]


def _told(literal: Literal) -> str:
    leaf, positive = literal
    return describe(leaf if positive else Not(leaf))


def _exclude(one: Leaf, other: Leaf) -> bool:
    if isinstance(one, Event) and isinstance(other, Event):
        return _matches_exclude(one.match, other.match)
    for absent, present in ((one, other), (other, one)):
        if isinstance(absent, Absent):
            for match, within in _needed(present):
                if within is not None and within <= absent.duration and match_covers(absent.match, match):
                    return True
    return False


def _matches_exclude(one: Match, other: Match) -> bool:
    """No touchpoint can match both."""
    if ANY_TYPE not in one.types and ANY_TYPE not in other.types and not set(one.types) & set(other.types):
        return True
    return any(
        outcome_of_all(comparisons.kind_of_path(path).domain, [(comparison, True), (other_comparison, True)]) == "never"
        for path, comparison in one.where.entries
        for other_path, other_comparison in other.where.entries
        if path == other_path
    )


def _values_exclude(one: Literal, other: Literal) -> bool:
    """Both compare the same value, and no value satisfies both."""
    subject = _subject(one[0])
    if subject is None or subject != _subject(other[0]):
        return False
    literals = [(comparison_of(leaf), positive) for leaf, positive in (one, other) if isinstance(leaf, Compared)]
    return outcome_of_all(domain_of(one[0]), literals) == "never"


def _needed(leaf: Leaf) -> list[tuple[Match, int | None]]:
    """Touchpoints (and how recent) without which the leaf is false."""
    match leaf:
        case Count(match, within, comparison):
            return [] if compile_comparison(comparison).accepts(0) else [(match, within)]
        case Aggregate(kind, _, match, within, comparison):
            of_none = 0 if kind in ("sum", "distinct") else None
            return [] if compile_comparison(comparison).accepts(of_none) else [(match, within)]
        case StepSequence(steps, within):
            return [(step, within) for step in steps]
        case _:
            return []


def _leaf_implies(stronger: Leaf, weaker: Leaf) -> bool:
    subject = _subject(stronger)
    if subject is not None and subject == _subject(weaker):
        return implies(domain_of(stronger), comparison_of(stronger), comparison_of(weaker))
    match stronger, weaker:
        case Event(narrower), Event(wider):
            return match_covers(wider, narrower)
        case Absent(wider, longer), Absent(narrower, shorter):
            return longer >= shorter and match_covers(wider, narrower)
        case InStage(longer), InStage(shorter):
            return longer >= shorter
        case StepSequence(steps, shorter), StepSequence(other_steps, longer):
            return steps == other_steps and shorter <= longer
        case Count(narrower, within, comparison), Count(wider, other_within, other_comparison):
            wider_window = other_within is None or (within is not None and within <= other_within)
            rising = all(test.operator in ("gt", "gte") for test in other_comparison.tests)
            return rising and wider_window and match_covers(wider, narrower) and implies(domain_of(stronger), comparison, other_comparison)
        case _:
            return False


def _where_implies(stronger: Where, weaker: Where) -> bool:
    return all(
        any(
            path == other_path and implies(comparisons.kind_of_path(path).domain, comparison, other_comparison)
            for path, comparison in stronger.entries
        )
        for other_path, other_comparison in weaker.entries
    )


def _subject(leaf: Leaf) -> Leaf | None:
    """The leaf without its comparison: what it looks at. None when it compares nothing."""
    return replace(leaf, comparison=_NOTHING) if isinstance(leaf, Compared) else None


_NOTHING = Comparison(())


def comparison_of(leaf: Leaf) -> Comparison:
    return leaf.comparison if isinstance(leaf, Compared) else _NOTHING


def domain_of(leaf: Leaf) -> Domain:
    """Which values the leaf's comparison can meet, taken widely."""
    match leaf:
        case Count():
            return comparisons.COUNT.domain
        case Aggregate(kind="sum"):
            return comparisons.SUM.domain
        case Aggregate(kind="distinct"):
            return comparisons.DISTINCT.domain
        case Aggregate(kind="last") | Trait():
            return comparisons.VALUE.domain
        case Aggregate():
            return comparisons.STATISTIC.domain
        case _:
            return comparisons.SCORE.domain
