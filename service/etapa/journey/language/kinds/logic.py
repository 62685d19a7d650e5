"""Logic between conditions: which exclude each other, and which hold whenever another holds.

Careful rather than clever: it reports only what is certain.
"""

from collections.abc import Iterator, Sequence
from dataclasses import fields, is_dataclass
from itertools import combinations, permutations
from typing import Any

from etapa.journey.language.kinds.absence import Absent
from etapa.journey.language.kinds.condition import All, AnyOf, Condition, Leaf, Not
from etapa.journey.language.kinds.describe import describe
from etapa.journey.language.kinds.event import Event
from etapa.journey.language.kinds.overlap import match_covers
from etapa.journey.language.matching.matches import Comparison
from etapa.journey.language.matching.possible import Domain, implies, outcome_of_all

Literal = tuple[Leaf, bool]
"""A leaf, and whether it is plain (true) or negated."""

_MOST_LITERALS = 200
"""More conditions than this are not compared in pairs."""

_UNCOMPARED: dict[Any, tuple[str, ...]] = {}
"""The fields of each kind of condition besides its comparison, found once: long journeys compare many."""


def never_true_together(conditions: Sequence[Condition]) -> str | None:
    """Why no customer can satisfy all `conditions` at once; none if that is not certain."""
    pair = _contradiction([literal for condition in conditions for literal in _conjuncts(condition, positive=True)])
    return pair and f"`{_told(pair[0])}` and `{_told(pair[1])}` exclude each other"


def always_true_as_any(conditions: Sequence[Condition]) -> str | None:
    """Why every customer satisfies one of `conditions`; none if that is not certain."""
    pair = _contradiction([literal for condition in conditions for literal in _conjuncts(condition, positive=False)])
    return pair and f"`{_told(_opposite(pair[0]))}` and `{_told(_opposite(pair[1]))}` cannot both be false"


def counts_itself(conditions: Sequence[Condition]) -> str | None:
    """A warning if the conditions ask for an event together with its own absence: the current touchpoint already counts."""
    literals = [literal for condition in conditions for literal in _conjuncts(condition, positive=True)]
    for event, absent in permutations([leaf for leaf, positive in literals[:_MOST_LITERALS] if positive], 2):
        if isinstance(event, Event) and isinstance(absent, Absent) and match_covers(absent.match, event.match):
            return (
                f"`{describe(event)}` and `{describe(absent)}` hold together only for a touchpoint that arrives very late, "
                "because the current touchpoint itself counts"
            )
    return None


def condition_implies(stronger: Condition, weaker: Condition) -> bool:
    """Whether `weaker` certainly holds whenever `stronger` does."""
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


def reads_dates(part: object) -> bool:
    """Whether a condition, or a part of one, converts a value to a date anywhere."""
    if isinstance(part, tuple):
        return any(reads_dates(each) for each in part)
    if not is_dataclass(part):
        return False
    return getattr(part, "conversion", None) == "date" or any(reads_dates(getattr(part, each.name)) for each in fields(part))


def depth(condition: Condition) -> int:
    match condition:
        case All(conditions) | AnyOf(conditions):
            return 1 + max(depth(each) for each in conditions)
        case Not(negated):
            return 1 + depth(negated)
        case _:
            return 1


def _conjuncts(condition: Condition, *, positive: bool) -> Iterator[Literal]:
    """Literals that all hold if the condition does (or, with `positive` false, if it does not)."""
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
    """Two literals that cannot both hold."""
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
    return one.excludes(other) or other.excludes(one)


def _values_exclude(one: Literal, other: Literal) -> bool:
    """Whether both compare the same value, and no value satisfies both."""
    looked = _at_the_same(one[0], other[0])
    if looked is None:
        return False
    comparison, other_comparison, domain = looked
    return outcome_of_all(domain, [(comparison, one[1]), (other_comparison, other[1])]) == "never"


def _leaf_implies(stronger: Leaf, weaker: Leaf) -> bool:
    looked = _at_the_same(stronger, weaker)
    if looked is not None:
        return implies(looked[2], looked[0], looked[1])
    return stronger == weaker or stronger.implies(weaker)


def _at_the_same(one: Leaf, other: Leaf) -> tuple[Comparison, Comparison, Domain] | None:
    """Both comparisons, if the leaves differ in nothing else."""
    kind: Any = type(one)
    if kind is not type(other):
        return None
    looks_at, other_looks_at = one.looks_at(), other.looks_at()
    if looks_at is None or other_looks_at is None:
        return None
    for name in _uncompared(kind):
        if getattr(one, name) != getattr(other, name):
            return None
    return looks_at[0], other_looks_at[0], looks_at[1]


def _uncompared(kind: Any) -> tuple[str, ...]:
    names = _UNCOMPARED.get(kind)
    if names is None:
        names = _UNCOMPARED[kind] = tuple(each.name for each in fields(kind) if each.name != "comparison")
    return names
